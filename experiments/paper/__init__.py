"""The parts of `paper_figures.py`: exact means, reasons, figure and text."""
