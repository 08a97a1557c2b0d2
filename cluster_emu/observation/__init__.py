"""What figures and the live page show of a model or of a finished run, as plain data.

It lies above the model and below `study`, `view` and `live`, and needs no matplotlib: a migration
page by page (`microscope`, `page_map`, `truth_rows`, `stop_line`), the folder of a finished run
with what is computed again from it (`finished_run`), and the state of such a run at any instant
(`run_states`, which reads the tables as `run_columns`) and over time (`run_over_time`).
"""
