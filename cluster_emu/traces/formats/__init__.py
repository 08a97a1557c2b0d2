"""The trace formats that are known, one file each."""
