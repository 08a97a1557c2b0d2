"""Every example of docs/extending.md works inside the package, as a script and as a plug-in."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from cluster_emu.metrics.catalogue import MetricCatalogue, metric_catalogue
from cluster_emu.plugins import Registry, families

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/extending.md").read_text("utf-8")
MAIN = 'if __name__ == "__main__":\n'
PART = r'^@(\w+)\.register\("([\w-]+)"\)\n@.*\nclass (\w+)'
METRIC = r'^(\w+) = metric_catalogue\.register\(\n    Metric\(\n        name="(\w+)"'


@dataclass(frozen=True)
class Example:
    """One example of the page.

    Args:
        path: the file inside the package that the page names.
        code: the text of the file.
        registry: name of the registry that it registers with, also the end of its group.
        name: the registered name.
        object: name of the class, or of the metric.
    """

    path: str
    code: str
    registry: str
    name: str
    object: str

    @property
    def module(self) -> str:
        """The module inside the package."""
        return self.path.removesuffix(".py").replace("/", ".")

    @property
    def family(self) -> str:
        """The family, as `cluster-emu list` calls it."""
        return self.registry.replace("_", "-")


def read_examples() -> list[Example]:
    blocks = re.findall(r"`(cluster_emu/[\w/]+\.py)`\n\n```python\n(.*?)```", PAGE, re.DOTALL)
    found = []
    for path, code in blocks:
        registered = re.findall(PART, code, re.M)
        registered += [("metrics", *names[::-1]) for names in re.findall(METRIC, code, re.M)]
        (one,) = registered
        found.append(Example(path, code, *one))
    return found


EXAMPLES = read_examples()
FAMILIES: dict[str, Registry[Any] | MetricCatalogue] = {
    **families(),
    "metrics": metric_catalogue,
}
every_example = pytest.mark.parametrize("example", EXAMPLES, ids=lambda each: each.name)


def run(*arguments: str, path: tuple[Path, ...], folder: Path) -> str:
    """Run Python with the packages in `path` and return what it prints; warnings are errors."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, path))}
    ended = subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def check_all(places: dict[str, str]) -> str:
    """Return a program that looks every example up by name, then runs its demonstration.

    Args:
        places: the module in which each example, by name, must be found.
    """
    rows = [
        (each.family, each.name, places[each.name], each.code.partition(MAIN)[2])
        for each in EXAMPLES
    ]
    return f"""
import sys
from textwrap import dedent
from cluster_emu import metric_catalogue
from cluster_emu.plugins import families

def check_metric(name, module):
    metric = metric_catalogue[name]
    assert metric.value.__module__ == module, metric.value.__module__
    assert metric.label and metric.description, name

def check_part(registry, name, module):
    part = registry.describe(name)
    assert registry.factory(name).__module__ == module, registry.factory(name).__module__
    assert part.summary and part.source == "an example", name
    assert all(each.description for each in part.parameters), name

examples = {rows!r}
assert not sys.modules.keys() & {{module for _, _, module, _ in examples}}
for family, name, module, demonstration in examples:
    if family == "metrics":
        check_metric(name, module)
    else:
        check_part(families()[family], name, module)
    exec(dedent(demonstration), dict(vars(sys.modules[module])))
    print("ran", name)
"""


def ran_all(output: str) -> bool:
    return [line[4:] for line in output.splitlines() if line.startswith("ran ")] == [
        each.name for each in EXAMPLES
    ]


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a copy of the package that has every example where the page says."""
    folder = tmp_path_factory.mktemp("inside")
    # With its compiled kernels: nothing in their files changes.
    shutil.copytree(ROOT / "cluster_emu", folder / "cluster_emu")
    for each in EXAMPLES:
        assert not (folder / each.path).exists()
        (folder / each.path).write_text(each.code, "utf-8")
    return folder


def test_the_page_has_its_examples() -> None:
    assert len(EXAMPLES) == PAGE.count("```python") >= 11
    assert len({each.name for each in EXAMPLES}) == len(EXAMPLES)


@pytest.mark.slow
@every_example
def test_an_example_runs_as_a_script(example: Example, tmp_path: Path) -> None:
    script = tmp_path / Path(example.path).name
    script.write_text(example.code, "utf-8")
    assert run(str(script), path=(ROOT,), folder=tmp_path)


@pytest.mark.slow
def test_all_examples_run_inside_the_package(package: Path, tmp_path: Path) -> None:
    program = check_all({each.name: each.module for each in EXAMPLES})
    assert ran_all(run("-c", program, path=(package,), folder=tmp_path))


@pytest.mark.slow
def test_an_example_inside_the_package_runs_as_a_module(package: Path, tmp_path: Path) -> None:
    example = EXAMPLES[0]
    assert run("-m", example.module, path=(package,), folder=tmp_path)


@pytest.fixture(scope="module")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with another distribution, installed there, that declares every example."""
    folder = tmp_path_factory.mktemp("plugins")
    (folder / "my_parts").mkdir()
    (folder / "my_parts" / "__init__.py").touch()
    groups: dict[str, list[str]] = {}
    for each in EXAMPLES:
        (folder / "my_parts" / Path(each.path).name).write_text(each.code, "utf-8")
        module = f"my_parts.{Path(each.path).stem}"
        line = f"{each.name} = {module}:{each.object}"
        groups.setdefault(f"cluster_emu.{each.registry}", []).append(line)
    information = folder / "my_parts-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: my-parts\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(
        "\n\n".join("\n".join([f"[{group}]", *lines]) for group, lines in groups.items())
    )
    return folder


@pytest.mark.slow
def test_all_examples_run_from_another_distribution(plugins: Path, tmp_path: Path) -> None:
    program = check_all({each.name: f"my_parts.{Path(each.path).stem}" for each in EXAMPLES})
    assert ran_all(run("-c", program, path=(plugins, ROOT), folder=tmp_path))


def test_the_command_line_knows_parts_of_other_distributions(plugins: Path, tmp_path: Path) -> None:
    memory = ["--set", "vms.0.memory_bytes=64 MiB"]
    chosen = ["--set", "transfer.strategy=fading-memory", *memory, "--json"]
    program = "from cluster_emu.cli import main; main()"
    assert run("-c", program, "run", "single", *chosen, path=(plugins, ROOT), folder=tmp_path)


def test_the_table_of_the_page_lists_every_family() -> None:
    rows = re.findall(r"^\| `([\w-]+)` \| .* \| `(.*)` \| `(.*)` \| `(.*)` \|$", PAGE, re.M)
    known = FAMILIES

    assert sorted(row[0] for row in rows) == sorted(known)
    for family, folder, registry, contract in rows:
        assert (ROOT / "cluster_emu" / folder).is_dir()
        assert known[family].package == f"cluster_emu.{folder.strip('/').replace('/', '.')}"
        assert found_at(registry) is known[family]
        assert isinstance(found_at(registry), Registry | MetricCatalogue)
        assert isinstance(found_at(contract), type)
        # The page gives the rule for groups in words.
        assert known[family].group == "cluster_emu." + family.replace("-", "_")


def found_at(path: str) -> Any:
    module, _, attribute = path.rpartition(".")
    return getattr(import_module(module), attribute)


@every_example
def test_an_example_is_where_its_family_looks(example: Example) -> None:
    assert FAMILIES[example.family].package == example.module.rpartition(".")[0]
