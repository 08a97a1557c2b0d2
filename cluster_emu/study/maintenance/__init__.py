"""Maintenance campaigns under several seeds."""
