"""What many calls have in common is pickled once and unpickled once a process."""

from __future__ import annotations

import pickle

import pytest

from cluster_emu.scenario import load_scenario
from cluster_emu.study.execution import sent_once as module
from cluster_emu.study.execution.parallel import in_parallel
from cluster_emu.study.execution.sent_once import SentOnce, sent_once, with_value


class Counted:
    """A value that counts how often it is pickled and unpickled."""

    packed = unpacked = 0

    def __reduce__(self) -> tuple[object, ...]:
        Counted.packed += 1
        return made, ()


def made() -> Counted:
    Counted.unpacked += 1
    return Counted()


def test_it_is_pickled_and_unpickled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Counted, "packed", 0)
    monkeypatch.setattr(Counted, "unpacked", 0)
    one, other = Counted(), Counted()
    first, again, different = sent_once([one, one, other])
    assert first is again
    assert first is not different

    got = [pickle.loads(pickle.dumps(each)) for each in (first, again, different, first)]

    assert Counted.packed == 2
    assert got[0] is got[1] is got[3]
    assert 1 <= Counted.unpacked <= 2  # both are alike once they are pickled


def test_what_is_sent_gives_what_was_kept_here() -> None:
    scenario = load_scenario("paper")
    got = pickle.loads(pickle.dumps(SentOnce(scenario)))
    assert got.value == scenario
    assert with_value(max, SentOnce(3), 5, key=abs) == 5


def test_old_values_are_forgotten() -> None:
    for number in range(10 * module.KEPT):
        assert pickle.loads(pickle.dumps(SentOnce(number))).value == number
    assert module._pickled.cache_info().currsize <= module.KEPT
    assert module._received.cache_info().currsize <= module.KEPT


def identity(sent: SentOnce[list[int]]) -> int:
    return id(sent)


def test_a_process_that_gets_it_again_has_it_already() -> None:
    (sent,) = sent_once([[1, 2, 3]])
    assert len(set(in_parallel(identity, [sent] * 5, 1, apart=True))) == 1
