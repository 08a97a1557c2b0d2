"""What `paper_figures.py` needs beside its measurement: exact means, reasons, figure and text."""
