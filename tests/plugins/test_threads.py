"""A registry that one thread loads is whole for every other thread."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cluster_emu import plugin_loading
from cluster_emu.metrics.catalogue import BUILT_IN, MetricCatalogue
from cluster_emu.plugins import Registry
from tests._support.two_threads import TIMEOUT_S, Waiting, in_two_threads

PACKAGE = "cluster_emu_test_threads"

SLOW_PART = f"""
from {PACKAGE} import loading, may_go_on, registry

loading.set()
assert may_go_on.wait({TIMEOUT_S})

@registry.register("slow")
class Part:
    within = registry.names()  # a part may ask while it is loaded
"""


@pytest.fixture
def lock(monkeypatch: pytest.MonkeyPatch) -> Waiting:
    waiting = Waiting()
    monkeypatch.setattr(plugin_loading, "_one_thread_loads", waiting)
    return waiting


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return a package with a registry and one part, whose import waits until it is told."""
    folder = tmp_path / PACKAGE
    folder.mkdir()
    (folder / "__init__.py").write_text(
        "import threading\n"
        "from cluster_emu.plugins import Registry\n"
        f"registry = Registry('part', 'cluster_emu.x', package='{PACKAGE}')\n"
        "loading, may_go_on = threading.Event(), threading.Event()\n"
    )
    (folder / "slow.py").write_text(SLOW_PART)
    monkeypatch.syspath_prepend(tmp_path)
    yield __import__(PACKAGE)
    for name in [name for name in sys.modules if name.startswith(PACKAGE)]:
        del sys.modules[name]


def test_a_second_thread_waits_for_parts_that_are_being_imported(
    package: Any, lock: Waiting
) -> None:
    ask = package.registry.names
    assert in_two_threads(ask, package.loading, package.may_go_on, lock) == [["slow"], ["slow"]]
    assert package.registry.factory("slow").within == []


def test_a_second_thread_waits_for_a_part_that_is_being_unpacked(lock: Waiting) -> None:
    registry: Registry[Any] = Registry("part", "cluster_emu.x")
    loading, may_go_on = threading.Event(), threading.Event()

    def unpack() -> type:
        registry.register("sent")(int)  # as its module does, which is not whole yet
        loading.set()
        assert may_go_on.wait(TIMEOUT_S)
        return int

    registry.offer("sent", unpack)
    told: list[type] = []

    def ask() -> bool:
        told.append(registry.factory("sent"))
        return may_go_on.is_set()

    assert in_two_threads(ask, loading, may_go_on, lock) == [True, True]
    assert told == [int, int]


def test_a_second_thread_waits_for_metrics(lock: Waiting, monkeypatch: pytest.MonkeyPatch) -> None:
    catalogue = MetricCatalogue("cluster_emu.x", BUILT_IN[:1])
    loading, may_go_on = threading.Event(), threading.Event()

    def load() -> None:
        loading.set()
        assert may_go_on.wait(TIMEOUT_S)
        catalogue.register(BUILT_IN[1])

    monkeypatch.setattr(catalogue, "_load_entry_points", load)

    def ask() -> list[str]:
        return [metric.name for metric in catalogue]

    both = [metric.name for metric in BUILT_IN[:2]]
    assert in_two_threads(ask, loading, may_go_on, lock) == [both, both]


def test_loading_that_fails_is_tried_again_by_the_thread_that_waited(lock: Waiting) -> None:
    loading, may_go_on = threading.Event(), threading.Event()
    calls: list[int] = []

    def load() -> None:
        calls.append(1)
        loading.set()
        assert may_go_on.wait(TIMEOUT_S)
        if len(calls) == 1:
            raise RuntimeError("the first time")

    once = plugin_loading.LoadedOnce(load)

    def ask() -> str:
        try:
            once.ensure()
        except RuntimeError as error:
            return str(error)
        return "loaded"

    assert in_two_threads(ask, loading, may_go_on, lock) == ["the first time", "loaded"]
