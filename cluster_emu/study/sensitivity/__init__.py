"""Sensitivity: which axis of a study explains how much of the variance of a figure."""
