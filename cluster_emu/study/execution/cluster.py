"""Workers of dask, on this and other machines, as the backend of joblib."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

from joblib import parallel_config

from cluster_emu.errors import ClusterEmuError, ScenarioError

BACKENDS = ("loky", "dask")
"""Backends that `batch` takes; in Python a joblib context may set any other."""

CONNECT_TIMEOUT_S = 10.0


@contextmanager
def on_cluster(scheduler: str | None) -> Iterator[None]:
    """Let parallel work in the block run on the workers of a dask scheduler.

    Args:
        scheduler: its address, such as ``tcp://10.0.0.1:8786``.

    Raises:
        ClusterEmuError: if dask is not installed, or the workers have another version of this
            package.
        ScenarioError: if there is no scheduler at the address, or it has no workers.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise ClusterEmuError(
            "--backend dask needs the extra dask: pip install 'cluster-emu[dask]'"
        ) from error
    if not scheduler:
        allowed = "the address of a dask scheduler, such as tcp://10.0.0.1:8786"
        raise ScenarioError("scheduler", scheduler, allowed)
    try:
        connect: Any = Client  # it has no types
        client = connect(scheduler, timeout=CONNECT_TIMEOUT_S, set_as_default=True)
    except (OSError, ValueError, TypeError) as error:
        allowed = f"the address of a dask scheduler that answers ({error})"
        raise ScenarioError("scheduler", scheduler, allowed) from error
    with client:
        _check_workers(scheduler, client.run(version, "cluster-emu", on_error="return"))
        with parallel_config(backend="dask"):
            yield


def _check_workers(scheduler: str, found: dict[str, object]) -> None:
    """Refuse workers that would compute something else.

    Raises:
        ScenarioError: if there are no workers.
        ClusterEmuError: naming a worker of another version.
    """
    if not found:
        raise ScenarioError("scheduler", scheduler, "that of a scheduler that has workers")
    here = version("cluster-emu")
    for worker, there in found.items():
        if there != here:
            raise ClusterEmuError(
                f"worker {worker} has cluster-emu {there}: allowed is {here}, as here"
            )
