"""What a run records: its tables, how they are written, and its result."""

from cluster_emu.results.result_folder import check_unused, complete_result, new_result, own_result
from cluster_emu.results.writing import write_csv

__all__ = ["check_unused", "complete_result", "new_result", "own_result", "write_csv"]
