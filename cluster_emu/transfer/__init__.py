"""The course of one migration: its phases, its flow through the network, its stop rules."""
