"""What a run records: its tables, how they are written, and its result."""
