"""The scalar engine: bytes left and one dirty rate, no pages."""
