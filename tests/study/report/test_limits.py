"""What limits migrations, from tables made by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from cluster_emu.study.report.limits import limits_sentence, running_limits, waits


def table(*rows: tuple[str, str, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["kind", "limit", "limited_s"])


ONE = table(("slot", "slots: 2 in the cluster", 30.0), ("link", "link a -> b", 6.0))
OTHER = table(("bandwidth cap", "cap", 3.0), ("link", "link a -> b", 1.0))


def test_times_of_all_runs_add_up_without_waits() -> None:
    found = running_limits([ONE, OTHER])
    assert [(one.limit, one.share) for one in found] == [
        ("link a -> b", pytest.approx(0.7)),
        ("cap", pytest.approx(0.3)),
    ]


def test_waits_are_shares_of_the_whole_time() -> None:
    (only,) = waits([ONE, OTHER])
    assert (only.limit, only.share) == ("slots: 2 in the cluster", pytest.approx(0.75))


def test_the_sentence_names_the_two_largest_and_the_wait() -> None:
    tables = [ONE, OTHER]
    assert limits_sentence(running_limits(tables), waits(tables)) == (
        "What limits migrations while they run: link a -> b, 70 % of the time, cap, 30 %. "
        "From request to end they wait for a slot 75 % of the time (slots: 2 in the cluster)."
    )
    small = [table(("link", "a", 97.0), ("encoding", "b", 3.0))]
    assert limits_sentence(running_limits(small), ()) == (
        "What limits migrations while they run: a, 97 % of the time."
    )


def test_limits_of_one_kind_are_counted_together() -> None:
    tables = [
        table(("link", "link a", 30.0), ("link", "link b", 40.0), ("encoding", "encoding", 35.0)),
        table(("link", "link c", 20.0), ("encoding", "encoding", 5.0)),
    ]
    assert limits_sentence(running_limits(tables), ()) == (
        "What limits migrations while they run: 3 links (most of all link b, 31 %), 69 % of the "
        "time, encoding, 31 %."
    )


def test_without_migrations_there_is_nothing_to_say() -> None:
    assert limits_sentence(running_limits([table()]), waits([])) == ""
