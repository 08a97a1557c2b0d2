"""The registry of memory models: what each supports, and a model from outside the package."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from pydantic.dataclasses import dataclass

from cluster_emu.encoding import Encoder, Encoding, Xbzrle, ZeroPage
from cluster_emu.errors import ScenarioError
from cluster_emu.memory.base import (
    MemoryEngine,
    MemoryModel,
    MigratingMemory,
    VMMemory,
    memory_models,
)
from cluster_emu.memory.dirtying.description import WriteDescription
from cluster_emu.memory.dirtying.sources import ProfileSource, Replay, Samples, Uniform
from cluster_emu.memory.models.auto import LUMPED_FROM_PAGES
from cluster_emu.memory.scalar.engine import ScalarEngine
from cluster_emu.model import ClusterModel
from cluster_emu.rng import RandomStreams
from cluster_emu.strategies import PreCopy, Qemu, Strategy
from cluster_emu.workload import load_profiles
from tests._support.small_scenarios import scenario

EVERY_MODEL = pytest.mark.parametrize("name", ["auto", "lumped", "mean-field", "pages", "scalar"])


def memory(
    writes: WriteDescription | None = None,
    strategy: Strategy | None = None,
    *,
    pages: int = 1_000,
    encoders: tuple[Encoder, ...] = (),
    track_versions: bool = False,
) -> VMMemory:
    source = Uniform(writes_per_page_s=0.1)
    return VMMemory(
        pages,
        source,
        writes or source.describe_writes(pages),
        strategy or PreCopy(),
        encoders,
        track_versions,
    )


def unsupported(given: VMMemory) -> dict[str, str]:
    """Return the reason of every model that does not support the memory."""
    reasons = {name: memory_models.create(name).supports(given) for name in memory_models.names()}
    return {name: reason for name, reason in reasons.items() if reason is not None}


def test_the_models_of_the_package() -> None:
    assert memory_models.names() == ["auto", "lumped", "mean-field", "pages", "scalar"]


@EVERY_MODEL
def test_a_model_has_a_name_a_summary_and_a_source(name: str) -> None:
    model = memory_models.create(name)
    assert model.name == name
    assert model.summary
    assert model.source


@EVERY_MODEL
def test_every_model_takes_plain_writes_and_makes_an_engine(name: str) -> None:
    model, given = memory_models.create(name), memory()
    assert model.supports(given) is None
    engine = model.create(MigratingMemory(given, Encoding(4096), RandomStreams(1), 0, 0))
    assert (engine.stale_pages, engine.stale_bytes) == (1_000, 1_000 * 4096)


def test_what_only_pages_support() -> None:
    numbers = "run.track_versions keeps a version number per page"
    assert unsupported(memory(track_versions=True)) == dict.fromkeys(
        ["lumped", "mean-field", "scalar"], numbers
    )
    content = "encoders (transfer.encoders) look at each page's own content"
    assert unsupported(memory(encoders=(ZeroPage(),))) == {"scalar": content}
    but_zero = "encoders but zero-page (transfer.encoders) look at each page's own content"
    for encoders in ((Xbzrle(),), (ZeroPage(), ZeroPage())):
        assert unsupported(memory(encoders=encoders)) == {
            "lumped": but_zero,
            "mean-field": but_zero,
            "scalar": content,
        }
    scripted = WriteDescription(1_000, page_by_page="its writes follow a script")
    assert unsupported(memory(scripted)) == dict.fromkeys(
        ["lumped", "mean-field", "scalar"], "its writes follow a script"
    )


@pytest.mark.parametrize("profile", ["oltp", "stream", "analytics"])
def test_a_sweep_beside_other_writes_is_lumped(profile: str) -> None:
    described = ProfileSource(load_profiles()[profile]).describe_writes(1_000)
    assert unsupported(memory(described)) == {}


def test_what_cannot_be_lumped(tmp_path: Path) -> None:
    file = tmp_path / "sets.json"
    file.write_text('{"interval_s": 0.5, "dirty_pages": [[0, 7], [7], []]}')
    listed = "its sets of dirty pages are given page by page"
    assert unsupported(memory(Replay(file=file).describe_writes(10))) == {
        "lumped": listed,
        "mean-field": listed,
    }
    size = "a VM of 1000000000 pages is too large"
    assert unsupported(memory(pages=10**9)) == {"lumped": size, "mean-field": size}


def test_a_strategy_that_clears_bits_in_mid_round_is_lumped_if_it_sends_every_page() -> None:
    assert unsupported(memory(strategy=Qemu())) == {}

    @dataclass(frozen=True, kw_only=True)
    class PeekingQemu(Qemu):
        peek_batch_pages: int = 1

    reason = "qemu clears dirty bits in mid-round and does not send every due page"
    assert unsupported(memory(strategy=PeekingQemu())) == {"lumped": reason, "mean-field": reason}


def test_sets_per_round_cannot_be_scalar() -> None:
    writes = Samples(probability=0.0).describe_writes(10)
    reason = "its sets of dirty pages are given per round, not in time"
    assert unsupported(memory(writes)) == {"scalar": reason}


@pytest.mark.parametrize(
    ("pages", "track_versions", "chosen"),
    [
        (LUMPED_FROM_PAGES, False, "lumped"),
        (LUMPED_FROM_PAGES - 1, False, "pages"),
        (LUMPED_FROM_PAGES, True, "pages"),
    ],
)
def test_auto_chooses_by_size_and_support(pages: int, track_versions: bool, chosen: str) -> None:
    given = memory(pages=pages, track_versions=track_versions)
    assert memory_models.create("auto").model_for(given).name == chosen


def test_ballooned_pages_are_those_of_the_vm_in_every_migration() -> None:
    given = memory(strategy=BALLOONED)
    first, second, other = (
        MigratingMemory(given, Encoding(4096), RandomStreams(1), vm, number).choose_ballooned()
        for vm, number in ((0, 0), (0, 1), (1, 0))
    )
    assert first is not None and second is not None and other is not None
    assert len(first) == given.ballooned_pages == 250
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


@dataclass(frozen=True, kw_only=True)
class Ballooned(PreCopy):
    ballooned_share: float = 0.25


BALLOONED = Ballooned()


@pytest.fixture
def half_dirty() -> Iterator[None]:
    """Register a memory model from outside the package, and remove it afterwards."""

    @memory_models.register("half-dirty")
    @dataclass(frozen=True)
    class HalfDirty(MemoryModel):
        name: ClassVar[str] = "half-dirty"
        summary: ClassVar[str] = "half of the memory is dirty after every round"
        source: ClassVar[str] = "this test"

        def supports(self, memory: VMMemory) -> str | None:
            return "its page count is odd" if memory.page_count % 2 else None

        def create(self, migrating: MigratingMemory) -> MemoryEngine:
            size = migrating.memory.page_count * migrating.encoding.raw_bytes
            return ScalarEngine(size, migrating.encoding.raw_bytes, 1e18, size / 2)

    yield
    del memory_models._factories["half-dirty"]


@pytest.mark.usefixtures("half_dirty")
def test_a_model_from_outside_runs_by_its_name() -> None:
    given = scenario(pages=1_000, profile="web", stop="fixed-rounds:rounds=3")
    fields = {"run.fidelity": "half-dirty", "run.track_versions": False}
    row = ClusterModel(given.with_fields(fields), rng=1).run().migrations.iloc[0]
    assert (row["fidelity"], row["outcome"]) == ("half-dirty", "completed")
    assert (row["pages_sent_precopy"], row["pages_sent_stop"]) == (2_000, 500)


@pytest.mark.usefixtures("half_dirty")
def test_a_model_from_outside_gives_its_reason() -> None:
    given = scenario(pages=1_001, profile="web").with_fields({"run.fidelity": "half-dirty"})
    with pytest.raises(ScenarioError) as error:
        ClusterModel(given, rng=1)
    assert str(error.value) == (
        "run.fidelity = 'half-dirty': allowed is auto or pages, "
        "because its page count is odd (vms.0)"
    )


def test_an_unknown_model_is_named_with_the_known_ones() -> None:
    given = scenario(profile="web").with_fields({"run.fidelity": "lumpd"})
    with pytest.raises(ScenarioError) as error:
        ClusterModel(given, rng=1)
    assert str(error.value) == (
        "run.fidelity = 'lumpd': allowed is one of auto, lumped, mean-field, pages, scalar; "
        "did you mean 'lumped'?"
    )
