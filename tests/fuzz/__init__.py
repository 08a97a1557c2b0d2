"""Mutated inputs of every kind through the command line, in processes with bounded time and memory.

`inputs` makes an input from a seed and a number, `sandbox` runs one, `verdict` says what must not
have happened, and `campaign` runs thousands of them: ``python -m tests.fuzz.campaign --help``.
"""
