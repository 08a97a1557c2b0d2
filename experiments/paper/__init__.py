"""What `paper_figures.py` needs besides its measurement: exact means, reasons, figure and text."""
