"""Common parts of the experiments: options, and one message instead of a traceback."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cluster_emu import ClusterEmuError
from cluster_emu.results import new_result, own_result
from cluster_emu.signals import exit_status, raised


def options(text: str | None, name: str) -> argparse.ArgumentParser:
    """Return a parser with the options that every experiment has.

    Args:
        text: the script's docstring, shown by --help.
        name: the folder below results/ that is the default of --out.
    """
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=text, formatter_class=raw)
    quick = "a small size that runs in a short time"
    parser.add_argument("--quick", action="store_true", help=quick)
    parser.add_argument("--out", type=Path, default=Path("results", name), metavar="DIR")
    overwrite = "replace the result that --out holds already"
    parser.add_argument("--overwrite", action="store_true", help=overwrite)
    parser.add_argument("--seed", type=_at_least(0), default=0, metavar="S")
    return parser


def study_options(text: str | None, name: str) -> argparse.ArgumentParser:
    """Return a parser for an experiment that repeats its runs with several seeds."""
    parser = options(text, name)
    parser.add_argument("--replications", type=_at_least(2), metavar="R")
    jobs = "processes; default 2, 1 with --quick"
    parser.add_argument("--jobs", type=_at_least(1), metavar="N", help=jobs)
    return parser


@contextmanager
def result_of(args: argparse.Namespace, name: str) -> Iterator[Path]:
    """Give an empty place for a script's files; they are moved to --out at the end."""
    with new_result(args.out, name, overwrite=args.overwrite, field="--out") as place:
        yield place


@contextmanager
def continued_result(args: argparse.Namespace, name: str, files: Iterable[str]) -> Iterator[None]:
    """Hold --out for a script whose studies stay there, so that the same command goes on.

    The script ends with `complete_result`.

    Args:
        args: the options.
        name: the script's name, which the folder is told by.
        files: the files and folders that the script writes, which --overwrite removes.
    """
    with own_result(args.out, name, "", files, overwrite=args.overwrite, field="--out"):
        yield


def written(args: argparse.Namespace, files: Iterable[Path]) -> str:
    """Return the lines that say which files of a `result_of` there are in --out."""
    return "\n".join(["\nWritten", *(str(args.out / file.name) for file in files)])


def how_often(args: argparse.Namespace, *, full: int, quick: int) -> dict[str, int]:
    """Return the options that `compare` takes: replications, seed and processes."""
    usual, jobs = (quick, 1) if args.quick else (full, 2)
    return {
        "replications": args.replications or usual,
        "seed": args.seed,
        "jobs": args.jobs or jobs,
    }


def show_progress(done: int, total: int) -> None:
    """Write the progress of a study to stderr if it is a terminal."""
    if not sys.stderr.isatty():
        return
    end = "" if done < total else "\n"
    print(f"\r{done} of {total} runs", end=end, file=sys.stderr, flush=True)


def run(main: Callable[[], int | None]) -> None:
    """Run a script; invalid input or an unusable folder ends it with status 2 and one message."""
    try:
        with raised():
            sys.exit(main())
    except KeyboardInterrupt as interrupt:
        print(f"{Path(sys.argv[0]).name}: interrupted", file=sys.stderr)
        sys.exit(exit_status(interrupt))
    except (ClusterEmuError, OSError) as error:
        print(f"{Path(sys.argv[0]).name}: {error}", file=sys.stderr)
        sys.exit(2)


def _at_least(least: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.isdigit() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r}: allowed is a whole number >= {least}")
        return int(text)

    return parse
