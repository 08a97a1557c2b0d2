"""A registry finds the parts of its package and of other distributions, and describes them."""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import ClassVar, Literal

import pytest
from pydantic import Field
from pydantic.dataclasses import dataclass

from cluster_emu.errors import ScenarioError, UnknownNameError
from cluster_emu.part_parameters import ParameterDescription
from cluster_emu.plugins import Registry, families

PART = """
from cluster_emu_test_family import registry

@registry.register("{name}")
class Part:
    pass
"""


@dataclass(frozen=True)
class Base:
    """What both have in common.

    Args:
        delay_s: how long it waits,
            in simulated time.
    """

    delay_s: float | None = Field(default=None, gt=0)


@dataclass(frozen=True, kw_only=True)
class Example(Base):
    """A part for tests.

    Args:
        count: how many.
        rate_bps: how fast: a rate.
        mode: which way.

    More text, which describes no parameter: none at all.
    """

    name: ClassVar[str] = "example"
    summary: ClassVar[str] = "does nothing"
    source: ClassVar[str] = "this test"

    count: int = Field(ge=1, le=4)
    rate_bps: float = 2.5
    mode: Literal["up", "down"] = "up"
    inner: Base = Base(delay_s=3.0)
    flags: tuple[bool, ...] = ()


@pytest.fixture
def registry() -> Registry[object]:
    made: Registry[object] = Registry("test part", "cluster_emu.test_parts")
    made.register("example")(Example)
    return made


def test_a_part_is_described_from_its_fields_and_docstrings(registry: Registry[object]) -> None:
    described = registry.describe("example")

    assert (described.name, described.summary) == ("example", "does nothing")
    assert described.source == "this test"
    assert {each.name: each for each in described.parameters} == {
        each.name: each
        for each in (
            ParameterDescription(
                "delay_s",
                'number > 0 or "none"',
                "none",
                "s",
                "how long it waits, in simulated time.",
            ),
            ParameterDescription("count", "whole number >= 1, <= 4", None, "", "how many."),
            ParameterDescription("rate_bps", "number", "2.5", "bit/s", "how fast: a rate."),
            ParameterDescription("mode", '"up" or "down"', "up", "", "which way."),
            ParameterDescription("inner", "base", "Base:delay_s=3", "", ""),
            ParameterDescription("flags", "list of: true or false", "none", "", ""),
        )
    }


def test_an_unknown_name_is_refused_with_a_near_match(registry: Registry[object]) -> None:
    for ask in (registry.describe, registry.factory, registry.create):
        with pytest.raises(UnknownNameError, match="did you mean 'example'"):
            ask("exampel")


def test_an_unknown_parameter_is_refused_with_those_there_are(registry: Registry[object]) -> None:
    with pytest.raises(ScenarioError, match=r"cuont.*count"):
        registry.create("example", cuont=1)


def test_a_name_is_given_once(registry: Registry[object]) -> None:
    with pytest.raises(ValueError, match="'example' is registered twice"):
        registry.register("example")(Base)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a package with a registry and one part that nothing imports."""
    folder = tmp_path / "cluster_emu_test_family"
    folder.mkdir()
    (folder / "__init__.py").write_text(
        "from cluster_emu.plugins import Registry\n"
        f"registry = Registry('part', 'cluster_emu.x', package='{folder.name}')\n"
    )
    (folder / "one.py").write_text(PART.format(name="one"))
    monkeypatch.syspath_prepend(tmp_path)
    yield folder
    for name in [name for name in sys.modules if name.startswith(folder.name)]:
        del sys.modules[name]


def test_modules_of_the_package_are_imported_when_a_name_is_asked_for(package: Path) -> None:
    from cluster_emu_test_family import registry

    assert f"{package.name}.one" not in sys.modules
    assert registry.names() == ["one"]


def test_a_part_that_cannot_be_imported_says_so_each_time(package: Path) -> None:
    (package / "two.py").write_text("import no_such_module_anywhere\n")
    from cluster_emu_test_family import registry

    for _ in range(2):
        with pytest.raises(ModuleNotFoundError, match="no_such_module_anywhere"):
            registry.names()


def test_a_part_that_runs_as_a_script_is_not_registered_twice(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cluster_emu_test_family import registry

    registry.register("one")(object)
    monkeypatch.setattr(sys.modules["__main__"], "__file__", str(package / "one.py"), raising=False)

    assert registry.factory("one") is object


def test_every_registry_of_the_package_is_a_family() -> None:
    found = families()
    ours = [
        each
        for each in gc.get_objects()
        if isinstance(each, Registry) and (each.package or "").startswith("cluster_emu.")
    ]

    assert sorted(found) == sorted(each.family for each in ours)
    assert all(found[each.family] is each for each in ours)
    assert all(each.group.startswith("cluster_emu.") for each in ours)


@pytest.mark.parametrize("family", sorted(families()))
def test_every_part_describes_itself_and_its_parameters(family: str) -> None:
    registry = families()[family]

    assert registry.kind and registry.summary and registry.package
    assert registry.names()
    for name in registry.names():
        described = registry.describe(name)
        assert described.name == name
        assert described.summary and "\n" not in described.summary
        assert described.source or family == "write-sources"
        assert [each.name for each in described.parameters] == registry.parameters(name)
        for each in described.parameters:
            assert each.type and each.description, f"{name}: describe {each.name} under Args"
