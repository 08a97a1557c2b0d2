"""The inputs of the fuzzer: the same ones from the same seed, of every kind and part."""

from __future__ import annotations

import tomllib
from pathlib import Path
from random import Random

from tests.fuzz import good, graphs, parts
from tests.fuzz.inputs import KINDS, MOST_MUTATIONS, PLACES, make_input
from tests.fuzz.mutations import mutate_tree
from tests.fuzz.writing import toml_document


def test_an_input_follows_from_its_seed_and_number() -> None:
    for number in range(60):
        assert make_input(5, number) == make_input(5, number)
    assert [make_input(5, n) for n in range(20)] != [make_input(6, n) for n in range(20)]


def test_every_kind_of_input_is_made() -> None:
    made = [make_input(5, number) for number in range(400)]

    assert {each.kind for each in made} == set(KINDS)
    assert all(each.words for each in made)
    assert all(each.changes for each in made)


def test_every_family_of_parts_has_a_place() -> None:
    no_part_of_a_scenario = {"inventories"}
    assert set(PLACES) == set(parts.known_parts()) - no_part_of_a_scenario


def test_mutations_can_be_left_out() -> None:
    for number in range(60):
        whole, without = make_input(5, number), make_input(5, number, kept=())

        assert len(whole.changes) <= MOST_MUTATIONS + 1
        assert without.changes == []
        assert without.kind == whole.kind


def test_a_scenario_without_mutations_is_toml_of_the_same_values() -> None:
    for number in range(30):
        data = good.scenario(Random(number))
        assert tomllib.loads(toml_document(data)) == data


def test_a_mutation_says_what_it_changed() -> None:
    changed = 0
    for number in range(100):
        data = good.scenario(Random(1))
        words = mutate_tree(Random(number), data)
        changed += data != good.scenario(Random(1))
        assert words
    assert changed > 90  # a value may be replaced by an equal one


def test_files_of_all_kinds_are_written(tmp_path: Path) -> None:
    made = make_input(5, 0, kept=())
    made.copies, made.files = {}, {"a/b": b"x", b"\xff": b"y", "pipe": "fifo", "link": "a/b"}
    made.write(tmp_path / "in", tmp_path)

    assert (tmp_path / "in" / "a" / "b").read_bytes() == b"x"
    assert (tmp_path / "in" / "pipe").is_fifo()
    assert (tmp_path / "in" / "link").read_bytes() == b"x"


def test_the_good_graph_is_a_network(tmp_path: Path) -> None:
    from cluster_emu.network.topologies.graphml import GraphML

    path = tmp_path / "net.graphml"
    path.write_bytes(graphs.document(good.graph(Random(1))))

    assert len(GraphML(path=path).build()) == 5
