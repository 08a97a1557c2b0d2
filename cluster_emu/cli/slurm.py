"""A job script for Slurm that runs a study as an array of shards."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from cluster_emu.file_names import file_name

SCRIPT = """\
#!/bin/bash
#SBATCH --job-name={name}
#SBATCH --array=1-{shards}
#SBATCH --ntasks=1
#SBATCH --cpus-per-task={jobs}
#SBATCH --output={name}-%A-%a.log
#SBATCH --requeue
# Submit it with sbatch. Every task runs one shard of the study into one folder, which all nodes
# must see; the one that ends last makes the exports. Submitted again, it runs what is left.
set -euo pipefail
cd {place}
exec {command} --shard "${{SLURM_ARRAY_TASK_ID}}/{shards}" --jobs "${{SLURM_CPUS_PER_TASK:-1}}"
"""


def slurm_script(name: str, shards: int, jobs: int, words: Sequence[str]) -> str:
    """Return the script.

    Args:
        name: the study's name.
        shards: number of tasks of the array.
        jobs: number of processes of each.
        words: the arguments of `cluster-emu`, without those on shards and processes.
    """
    command = shlex.join([sys.executable, "-m", "cluster_emu", *words])
    return SCRIPT.format(
        name=shlex.quote(file_name(name).replace(" ", "-")),
        shards=shards,
        jobs=jobs,
        place=shlex.quote(str(Path.cwd())),
        command=command,
    )
