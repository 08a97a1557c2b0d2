"""Machine code on disk: it is used again, and never after a change of the source.

A copy of the code runs in processes of its own. Then a callee in the copy is edited, not the
function that Python calls, and the next process must give the new result.
"""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

import pytest

from cluster_emu import _jit
from tests._support.two_threads import Waiting, in_two_threads

PACKAGE = Path(__file__).parents[1] / "cluster_emu"
KERNEL_FILES = sorted(PACKAGE.rglob("_*kernels.py"))
DECORATORS = {"jit", "dual_jit", "dual_inline"}

INSTALLATIONS = ("usual", "cache-dir", "read-only", "nothing-writable")
"""Where machine code can be kept: beside the source, in NUMBA_CACHE_DIR, in HOME, nowhere."""


@dataclass
class Installation:
    """A copy of some code and the environment of the processes that run it."""

    root: Path
    kind: str
    environment: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        home = self.root / "home"
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "PYTHONPATH": str(self.root / "site"),
        }
        if self.kind == "cache-dir":
            self.environment["NUMBA_CACHE_DIR"] = str(self.root / "cache")
        if self.kind in ("read-only", "nothing-writable"):
            # Permissions do not stop the superuser, who often runs tests. No user can write into a
            # folder that is a file.
            for folder in {path.parent for path in self.site.rglob("*.py")}:
                (folder / "__pycache__").write_text("not a folder")
        if self.kind == "nothing-writable":
            home.write_text("not a folder")
        else:
            home.mkdir()

    @property
    def site(self) -> Path:
        """The folder that holds the copied packages."""
        return self.root / "site"

    def run(self, code: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", code],
            env=self.environment,
            capture_output=True,
            text=True,
            cwd=self.root,
        )

    def output(self, code: str) -> str:
        """Return what `code` prints; it must not fail."""
        done = self.run(code)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def machine_code(self) -> dict[Path, int]:
        """Return the files with machine code, and when each was last written."""
        paths = [path for pattern in ("*.nbc", "*.nbi") for path in self.root.rglob(pattern)]
        return {path: path.stat().st_mtime_ns for path in paths}

    def machine_code_folders(self) -> set[str]:
        """Return in which folders of the root they are."""
        return {path.relative_to(self.root).parts[0] for path in self.machine_code()}


EXPECTED_FOLDERS: dict[str, set[str]] = {
    "usual": {"site"},
    "cache-dir": {"cache"},
    "read-only": {"home"},
    "nothing-writable": set(),
}

# --- a small package of its own -------------------------------------------------------------------

MADE_UP_KERNELS = """
from made_up._jit import dual_inline, dual_jit, jit

FACTOR = 10


@jit
def compiled_result(x):  # before its callee: the order does not matter
    return compiled_callee(x)


@jit
def compiled_callee(x):
    return FACTOR * x


@dual_jit
def dual_result(x):
    return dual_callee(x)


@dual_inline
def dual_callee(x):
    return FACTOR * x
"""

RUN_MADE_UP = """
import sys
from made_up import _jit, _made_up_kernels
results = [_made_up_kernels.dual_result(2)]
assert type(_made_up_kernels.dual_result).__name__ == "function"
assert not _jit.has_compiled_copy(_made_up_kernels)
copy = _jit.compiled_copy(_made_up_kernels)
assert _jit.compiled_copy(_made_up_kernels) is copy and _jit.has_compiled_copy(_made_up_kernels)
results += [copy.dual_result(2), _made_up_kernels.compiled_result(2)]
loaded = [
    sum(function.stats.cache_hits.values())
    for function in (copy.dual_result, _made_up_kernels.compiled_result)
]
print(results, loaded)
"""


@pytest.fixture(
    params=[
        *INSTALLATIONS[:3],
        pytest.param(INSTALLATIONS[3], marks=pytest.mark.slow),
    ]
)
def made_up(request: pytest.FixtureRequest, tmp_path: Path) -> Installation:
    package = tmp_path / "site" / "made_up"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "_made_up_kernels.py").write_text(MADE_UP_KERNELS)
    shutil.copy(PACKAGE / "_jit.py", package)
    return Installation(tmp_path, request.param)


@pytest.mark.slow
def test_a_second_process_loads_machine_code_and_an_edited_callee_gives_the_new_result(
    made_up: Installation,
) -> None:
    assert made_up.output(RUN_MADE_UP) == "[20, 20, 20] [0, 0]"
    assert made_up.machine_code_folders() == EXPECTED_FOLDERS[made_up.kind]
    before = made_up.machine_code()
    loaded = "[1, 1]" if before else "[0, 0]"
    assert made_up.output(RUN_MADE_UP) == f"[20, 20, 20] {loaded}"
    assert made_up.machine_code() == before

    kernels = made_up.site / "made_up" / "_made_up_kernels.py"
    kernels.write_text(MADE_UP_KERNELS.replace("return FACTOR * x", "return FACTOR * x + 10"))

    assert made_up.output(RUN_MADE_UP) == "[30, 30, 30] [0, 0]"
    assert set(made_up.machine_code()) >= set(before)


RENAMED_TABLE = """
from typing import NamedTuple
from renamed._jit import dual_jit, jit


class Table(NamedTuple):
    factor: int


@jit
def result(table, x):
    return table.factor * x


@dual_jit
def dual_result(table, x):
    return table.factor * x
"""

RUN_RENAMED = """
from renamed import _jit, _kernels
copy = _jit.compiled_copy(_kernels)
print(_kernels.result(_kernels.{0}(10), 2), copy.dual_result(copy.{0}(10), 2), [
    sum(function.stats.cache_hits.values()) for function in (_kernels.result, copy.dual_result)
])
"""


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["class renamed", "file cut short"])
def test_machine_code_whose_list_cannot_be_read_is_made_again(damage: str, tmp_path: Path) -> None:
    package = tmp_path / "site" / "renamed"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    kernels = package / "_kernels.py"
    kernels.write_text(RENAMED_TABLE)
    shutil.copy(PACKAGE / "_jit.py", package)
    installation = Installation(tmp_path, "usual")
    assert installation.output(RUN_RENAMED.format("Table")) == "20 20 [0, 0]"
    assert installation.output(RUN_RENAMED.format("Table")) == "20 20 [1, 1]"

    name = "Table"
    if damage == "class renamed":
        name = "Board"
        kernels.write_text(RENAMED_TABLE.replace("class Table", "class Board"))
    else:
        for index in package.rglob("*.nbi"):
            index.write_bytes(index.read_bytes()[:-20])

    assert installation.output(RUN_RENAMED.format(name)) == "20 20 [0, 0]"
    assert installation.output(RUN_RENAMED.format(name)) == "20 20 [1, 1]"


# --- the kernels of the package -------------------------------------------------------------------

RUNS = {
    "cluster/_host_kernels.py": """
import numpy as np
from cluster_emu.cluster import _host_kernels as kernels
vms, columns = np.array([0, 2]), np.full((6, 3), 0.5)
rates, sums = np.zeros((6, 3)), np.zeros((6, 3))
print(kernels.share_host(vms, *columns[:5], 0.25, 0.1), columns)
kernels.read_service_rates(vms, *columns[:5], rates)
kernels.accrue_service(vms, rates, sums, 2.0)
print(rates, sums)
""",
    "consolidation/_evacuation_kernels.py": """
import numpy as np
from cluster_emu.consolidation import _evacuation_kernels as kernels
targets = np.array([[1.0, 2.0], [4.0, 4.0], [0.8, 0.8], [3.2, 3.2], [150.0, 125.0], [9.0, 9.0]])
blocks, lines = np.empty((2, 1)), np.array([[[0.0, 1.0], [100.0, 200.0], [100.0, 0.0]]])
kernels.measure_blocks(targets, blocks)
chosen, scratch = np.zeros(1, dtype=np.int64), np.empty((2, 1))
print(
    kernels.place_all(
        targets, blocks, np.zeros(2, dtype=np.int64), np.ones(1, dtype=np.int64), lines,
        np.array([0.0, 2.0, 4.0]), np.ones(1), np.full((1, 2, 1, 2), kernels.UNKNOWN),
        np.ones(1), np.ones(1), 1, 0.0, chosen, scratch, np.zeros(2, dtype=np.int64), np.empty(2)
    ),
    chosen, targets,
)
""",
    "memory/lumped/_kernels.py": """
from cluster_emu import ClusterModel
fields = {
    "run.fidelity": "lumped",
    "transfer.strategy": "history-majority",
    "transfer.stop": "fixed-rounds:rounds=3",
    "vms.0.memory_bytes": "4 GiB",
}
print(ClusterModel("single", rng=1, **fields).run().migrations.to_csv())
""",
    "memory/pages/_round_kernels.py": """
from cluster_emu import ClusterModel
fields = {
    "run.duration_s": 1.0,
    "run.fidelity": "pages",
    "transfer.strategy": "history-majority",
    "transfer.stop": "fixed-rounds:rounds=200",
    "vms.0.memory_bytes": "2 MiB",
    "vms.0.profile": {"name": "uniform", "writes_per_page_s": 160.0},
    "topology.host_bps": "10 Gbit/s",
}
print(ClusterModel("single", rng=1, **fields).run().migrations.to_csv())
""",
    "validation/cloudsim/_kernels.py": """
import numpy as np
from cluster_emu.validation import simulate_day
samples = np.random.default_rng(1).integers(0, 101, (12, 30)) / 100
print(simulate_day(samples, "iqr-mmt", hosts=12).events.to_csv())
""",
    "network/_maxmin_kernels.py": """
from cluster_emu.network import completion_times
print(set(completion_times([1.0], [[0]] * 600, [1.0] * 600)))
""",
}
"""For each file of kernels, code that runs some of them compiled."""


CALLING = [
    path.relative_to(PACKAGE).as_posix()
    for path in KERNEL_FILES
    if path.name != "_host_kernels.py"  # none of them calls another one
]
SMALL = "network/_maxmin_kernels.py"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kernels", "kind"),
    [*((each, "usual") for each in CALLING), (SMALL, "cache-dir"), (SMALL, "read-only")],
)
def test_an_edited_callee_of_each_engine_takes_effect(
    kernels: str, kind: str, tmp_path: Path
) -> None:
    shutil.copytree(
        PACKAGE, tmp_path / "site" / PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__")
    )
    installation = Installation(tmp_path, kind)
    result = installation.output(RUNS[kernels])
    assert installation.machine_code_folders() == EXPECTED_FOLDERS[kind]
    before = installation.machine_code()
    assert installation.output(RUNS[kernels]) == result
    assert installation.machine_code() == before

    file = installation.site / PACKAGE.name / kernels
    file.write_text(with_callees_that_raise(file.read_text("utf-8")))

    done = installation.run(RUNS[kernels])
    assert done.returncode != 0
    assert "ArithmeticError: edited" in done.stderr
    assert set(installation.machine_code()) >= set(before)


def with_callees_that_raise(source: str) -> str:
    """Let every kernel that another one calls raise; no line moves and no other one changes.

    The docstring of each becomes the statement that raises, because numba keeps machine code under
    the name and first line of a function. It stands in a loop, so that for numba the function still
    has a type.
    """
    kernels = decorated_functions(ast.parse(source))
    called = {
        node.func.id
        for kernel in kernels
        for node in ast.walk(kernel)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    lines = source.splitlines()
    for kernel in kernels:
        if kernel.name in called:
            docstring = kernel.body[0]
            assert ast.get_docstring(kernel), f"{kernel.name} has no docstring"
            assert docstring.end_lineno is not None
            count = docstring.end_lineno - docstring.lineno
            lines[docstring.lineno - 1 : docstring.end_lineno] = [
                "    for _ in range(1): raise ArithmeticError('edited')",
                *[""] * count,
            ]
    return "\n".join(lines)


def decorated_functions(tree: ast.Module) -> list[ast.FunctionDef]:
    return [
        node
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        and any(isinstance(one, ast.Name) and one.id in DECORATORS for one in node.decorator_list)
    ]


def test_there_is_a_run_for_each_file_of_kernels() -> None:
    assert {path.relative_to(PACKAGE).as_posix() for path in KERNEL_FILES} <= set(RUNS)


@pytest.mark.parametrize("path", KERNEL_FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_kernels_need_no_other_file(path: Path) -> None:
    """Otherwise a change there would leave their machine code on disk as it was."""
    tree = ast.parse(path.read_text("utf-8"))
    froms = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert {node.module for node in froms if str(node.module).startswith("cluster_emu")} == {
        "cluster_emu._jit"
    }
    assert all(node.level == 0 for node in froms)
    assert decorated_functions(tree)


def test_only_kernel_files_use_the_decorators() -> None:
    users = {
        path
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom)
        and node.module == "cluster_emu._jit"
        and {alias.name for alias in node.names} & DECORATORS
    }
    assert users <= set(KERNEL_FILES)


def test_only_one_module_imports_numba() -> None:
    importers = {
        path.name
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if (isinstance(node, ast.Import) and any(is_numba(one.name) for one in node.names))
        or (isinstance(node, ast.ImportFrom) and is_numba(str(node.module)))
    }
    assert importers == {"_jit.py"}


def is_numba(module: str) -> bool:
    return module.split(".")[0] == "numba"


WAITS = """
from tests._support.two_threads import TIMEOUT_S

may_go_on = loading = None
if __name__.endswith("_compiled"):
    from cluster_emu_test_kernels import loading, may_go_on

    loading.set()
    assert may_go_on.wait(TIMEOUT_S)
is_whole = True
"""


def test_a_second_thread_waits_for_a_compiled_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "cluster_emu_test_kernels"
    (tmp_path / f"{name}.py").write_text(WAITS)
    monkeypatch.syspath_prepend(tmp_path)
    lock = Waiting()
    monkeypatch.setattr(_jit, "_copying", lock)
    monkeypatch.setattr(_jit, "_copies", {})
    kernels = import_module(name)
    kernels.loading, kernels.may_go_on = threading.Event(), threading.Event()
    told = []

    def ask() -> bool:
        told.append(_jit.compiled_copy(kernels))
        return hasattr(told[-1], "is_whole")

    try:
        both = in_two_threads(ask, kernels.loading, kernels.may_go_on, lock)
    finally:
        for each in (name, f"{name}{_jit.COPY_SUFFIX}"):
            sys.modules.pop(each, None)
    assert both == [True, True]
    assert told[0] is told[1]
