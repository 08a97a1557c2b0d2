"""What writes the pages of a VM."""
