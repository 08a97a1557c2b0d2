"""What must hold of a folder of results whatever has happened to the command that wrote it."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from cluster_emu.results.result_folder import MANIFEST
from tests.reliability.commands import RESUMES, Digests, Undisturbed, digests, start

RUN = "run.json"
ORPHANS_WITHIN_S = 2.0
ORPHANS_LIMIT_S = 30.0
"""How long to wait for them at all: a loaded machine takes longer."""


GROWING = ("hosts", "vms", "links")
"""Tables of a run that get rows with every instant and change none of them later."""


def mixture(folder: Path, wholes: list[Path]) -> str:
    """Return what is wrong with a folder that may hold one of several results, or none at all.

    A folder is mixed if `plot` takes it for a result and its files are not those of one of these.
    A result may lack its figure, which is drawn after it. A run that a signal ended may be there
    until then, which `plot` draws.

    Args:
        folder: the folder of results.
        wholes: the folder of each result that may be there, undisturbed.
    """
    there = _visible(digests(folder))
    if not there or any(there.items() <= _visible(digests(whole)).items() for whole in wholes):
        return ""
    if any(is_beginning(folder, whole) for whole in wholes):
        return ""
    drawing = ("plot", str(folder), "--out", "drawn", "--overwrite")
    status, stderr = start(drawing, folder.parent).wait(120)
    if status == 0:
        return f"mixed: plot draws {sorted(there)}, which is no whole result"
    if status != 2 or "Traceback" in stderr:
        return f"plot ended with {status} on an unfinished result: {stderr[-500:]}"
    return ""


def is_beginning(folder: Path, whole: Path) -> bool:
    """Return whether a folder has a run that a signal ended, and only the beginning of `whole`."""
    needed = (RUN, *(f"{table}.parquet" for table in GROWING))
    if not all((one / name).is_file() for one in (folder, whole) for name in needed):
        return False
    about, other = (json.loads((one / RUN).read_text("utf-8")) for one in (folder, whole))
    manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
    if about.pop("interrupted_at_s", None) is None or manifest["complete"]:
        return False
    changing = ("wall_time_s", "notes", "interrupted_at_s")  # notes come while it runs
    if any(about[name] != other[name] for name in about.keys() - changing):
        return False
    for table in GROWING:
        rows, all_rows = (pd.read_parquet(one / f"{table}.parquet") for one in (folder, whole))
        if not rows.equals(all_rows[: len(rows)]):
            return False
    return True


def _visible(found: Digests) -> Digests:
    """Return the files of a result that readers see, the manifest left out."""
    return {
        name: digest
        for name, digest in found.items()
        if name != MANIFEST and not any(part.startswith(".") for part in Path(name).parts)
    }


def again(command: str, undisturbed: Undisturbed, folder: Path, inputs: Path) -> str:
    """Type the command again and return what is wrong with what it then writes.

    A study is continued; the result of another command is replaced where there is one. It runs on
    one process: the number of processes must change no byte.

    Args:
        command: its name.
        undisturbed: what it should write.
        folder: where it writes.
        inputs: the folder of the files that it names.
    """
    words = (*_on_one_process(undisturbed.words), "--out", str(folder))
    if command not in RESUMES:
        words = (*words, "--overwrite")
    status, stderr = start(words, inputs).wait(300)
    if status:
        return f"typed again it ends with {status}: {stderr[-500:]}"
    return difference(digests(folder), undisturbed.files)


def _on_one_process(words: tuple[str, ...]) -> tuple[str, ...]:
    if "--jobs" not in words:
        return words
    place = words.index("--jobs")
    return (*words[:place], *words[place + 2 :])


def difference(found: Digests, wanted: Digests) -> str:
    """Return which files differ from what they should be, in words; empty if none does."""
    lines = [
        *(f"{name} is missing" for name in sorted(wanted.keys() - found.keys())),
        *(f"{name} is left over" for name in sorted(found.keys() - wanted.keys())),
        *(
            f"{name} has other bytes"
            for name in sorted(wanted.keys() & found.keys())
            if wanted[name] != found[name]
        ),
    ]
    return "; ".join(lines[:5])
