"""Runs the command: ``python -m cluster_emu``."""

from cluster_emu.cli import main

if __name__ == "__main__":
    main()
