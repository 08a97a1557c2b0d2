"""Results as one page of HTML that needs nothing else: what was asked, found, run and assumed."""

from cluster_emu.html_report.writing import write_report

__all__ = ["write_report"]
