"""A plug-in that cannot be loaded is named and left out; everything else works."""

from __future__ import annotations

import importlib
import json
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cluster_emu.cli import app
from cluster_emu.errors import UnknownNameError
from cluster_emu.metrics.catalogue import BUILT_IN, MetricCatalogue
from cluster_emu.plugin_loading import LoadedOnce, PluginWarning
from cluster_emu.plugins import Registry
from cluster_emu.strategies.contract import strategies

GOOD = "class Good:\n    '''Does what it should.'''\n"
BROKEN = {
    "missing": ("import no_such_module_at_all\n", "ModuleNotFoundError"),
    "syntax": ("def (:\n", "SyntaxError"),
    "raises": ("raise RuntimeError('a \\x1b[31m reason')\n", r"RuntimeError: a \x1b[31m reason"),
    "exits": ("raise SystemExit(3)\n", "SystemExit: 3"),
    "generator": ("raise GeneratorExit\n", "GeneratorExit"),
    "lacks": ("other = 1\n", "AttributeError"),
    "number": ("Part = 3\n", "a class or function, not int"),
    "summary": ("class Part:\n    summary = 3\n", "summary is a text"),
    "property": (
        "class Meta(type):\n    @property\n    def summary(cls): raise ValueError('no')\n"
        "class Part(metaclass=Meta):\n    pass\n",
        "ValueError: no",
    ),
    "syntax of the entry": (None, "AttributeError"),
}

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Return what installs a distribution: modules by name, and entry points of one group."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(tmp_path))

    def add(modules: dict[str, str], group: str, points: dict[str, str], name: str = "bad") -> None:
        for module, code in modules.items():
            (tmp_path / f"{module}.py").write_text(code, "utf-8")
        information = tmp_path / f"{name}-1.0.dist-info"
        information.mkdir()
        (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
        lines = "\n".join(f"{point} = {value}" for point, value in points.items())
        (information / "entry_points.txt").write_text(f"[{group}]\n{lines}\n", "utf-8")
        importlib.invalidate_caches()

    yield add
    for module in set(sys.modules) - before:
        del sys.modules[module]


def found(registry: Registry[Any] | MetricCatalogue) -> list[str]:
    """Let a registry search; return the warnings of what it leaves out."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        registry.unloaded()
        registry.unloaded()
    assert all(one.category is PluginWarning for one in caught)
    return [str(one.message) for one in caught]


@pytest.mark.parametrize("which", BROKEN)
def test_a_broken_part_is_left_out_with_its_reason(which: str, install: Install) -> None:
    code, reason = BROKEN[which]
    value = "not a module!" if code is None else "bad_part:Part"
    modules = {"good_part": GOOD} | ({} if code is None else {"bad_part": code})
    install(modules, "test_group", {"broken": value, "good": "good_part:Good"})
    registry: Registry[Any] = Registry("example", "test_group")

    (said,) = found(registry)
    assert said.startswith("example left out: 'broken' of bad (")
    assert reason in said
    assert registry.names() == ["good"]
    assert [part.name for part in registry.unloaded()] == ["broken"]
    with pytest.raises(UnknownNameError, match="could not be loaded") as caught:
        registry.create("broken")
    assert reason in str(caught.value)


def test_names_that_are_taken_are_refused_by_name(install: Install) -> None:
    install(
        {"bad_part": GOOD, "other_part": GOOD},
        "test_group",
        {"own": "bad_part:Good", "script": "bad_part:Good"},
    )
    install({}, "test_group", {"own": "other_part:Good"}, name="second")
    registry: Registry[Any] = Registry("example", "test_group")
    registry.register("script")(dict)

    assert sorted(found(registry)) == [
        "example left out: 'own' of second (other_part:Good): ValueError: another part has the "
        "name 'own'",
        "example left out: 'script' of bad (bad_part:Good): ValueError: another part has the "
        "name 'script'",
    ]
    assert registry.factory("script") is dict
    assert registry.factory("own").__module__ == "bad_part"


def test_a_built_in_part_keeps_its_name(install: Install) -> None:
    install({"bad_part": GOOD}, "test_group", {"qemu": "bad_part:Good"})
    registry: Registry[Any] = Registry("strategy", "test_group")
    registry.register("qemu")(strategies.factory("qemu"))

    (said,) = found(registry)
    assert "a part of cluster-emu has the name 'qemu'" in said
    assert registry.factory("qemu") is strategies.factory("qemu")


def test_what_a_module_registered_before_it_failed_is_left_out(install: Install) -> None:
    registry: Registry[Any] = Registry("example", "test_group")
    sys.modules["test_registry_of_plugins"] = type(sys)("test_registry_of_plugins")
    vars(sys.modules["test_registry_of_plugins"])["registry"] = registry
    code = "from test_registry_of_plugins import registry\n"
    code += "@registry.register('half')\nclass Part: pass\nraise OSError('later')\n"
    install({"bad_part": code}, "test_group", {"half": "bad_part:Part"})

    assert len(found(registry)) == 1
    assert registry.names() == []


def test_broken_metadata_hides_no_other_distribution(install: Install, tmp_path: Path) -> None:
    install({"good_part": GOOD}, "test_group", {"good": "good_part:Good"})
    install({}, "test_group", {}, name="worse")
    (tmp_path / "worse-1.0.dist-info" / "entry_points.txt").write_bytes(b"\xff\xfe[\nx\n")
    registry: Registry[Any] = Registry("example", "test_group")

    assert all("of a distribution left out" in said for said in found(registry))
    assert registry.names() == ["good"]


def test_metrics_alike(install: Install) -> None:
    code = "from dataclasses import replace\nfrom cluster_emu.metrics.catalogue import BUILT_IN\n"
    code += "TAKEN = replace(BUILT_IN[0], label='other')\nGOOD = replace(TAKEN, name='new')\n"
    points = {"taken": "bad_metric:TAKEN", "new": "bad_metric:GOOD", "none": "bad_metric:replace"}
    install({"bad_metric": code}, "test_metrics", points)
    catalogue = MetricCatalogue("test_metrics", BUILT_IN)

    reasons = found(catalogue)
    assert [said.split("'")[1] for said in reasons] == ["none", "taken"]
    assert "a Metric, not function" in reasons[0]
    assert "is registered twice" in reasons[1]
    assert "new" in catalogue
    assert catalogue[BUILT_IN[0].name] is BUILT_IN[0]
    with pytest.raises(UnknownNameError, match="a Metric, not function"):
        catalogue["none"]


@pytest.fixture
def searched_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the registry of strategies search again, and once more after the test."""
    monkeypatch.setattr(strategies, "_parts", LoadedOnce(strategies._find_parts))
    monkeypatch.setattr(strategies, "_unloaded", {})
    monkeypatch.setattr(strategies, "_factories", dict(strategies._factories))


@pytest.mark.usefixtures("searched_again")
def test_the_command_line_works_and_names_the_part(install: Install) -> None:
    install({"bad_part": "raise SystemExit('gone')\n"}, strategies.group, {"mine": "bad_part:X"})

    def emu(*words: str) -> Any:
        return CliRunner().invoke(app, list(words))

    assert emu("--help").exit_code == 0
    small = ("--set", 'vms.0.memory_bytes="4 MiB"', "--json")
    ran = emu("run", "single", *small)
    assert ran.exit_code == 0
    said = "cluster-emu: warning: strategy left out: 'mine' of bad (bad_part:X): SystemExit: gone"
    assert [line for line in ran.stderr.splitlines() if "mine" in line] == [said]
    refused = emu("run", "single", "--strategy", "mine")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "--strategy = 'mine'" in refused.stderr
    assert "could not be loaded: 'mine' of bad (bad_part:X): SystemExit: gone" in refused.stderr
    assert "left out" not in refused.stderr
    for words in (("list",), ("list", "strategies")):
        shown = emu(*words)
        assert shown.exit_code == 0
        assert "strategies, not loaded\n  'mine' of bad (bad_part:X): SystemExit" in shown.stdout
    (entry,) = json.loads(emu("list", "strategies", "--json").stdout)["not_loaded"]
    assert (entry["name"], entry["why"]) == ("mine", "SystemExit: gone")
    described = emu("list", "strategies", "mine")
    assert described.exit_code == 2
    assert "SystemExit: gone" in described.stderr
