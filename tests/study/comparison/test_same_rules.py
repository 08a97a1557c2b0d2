"""Two names for one rule are noticed, and rules that differ are told apart."""

from __future__ import annotations

from cluster_emu.scenario import load_scenario
from cluster_emu.study import compare
from cluster_emu.study.comparison.same_rules import same_rules
from cluster_emu.study.comparison.variants import FIELD


def test_pairs_that_send_alike_and_stop_alike_are_one_rule() -> None:
    base = load_scenario("single")
    texts = ("time-series:threshold=4,history=7", "history-majority:history=7", "ma")
    assert same_rules({text: base.with_fields({FIELD: text}) for text in texts}) == (texts[:2],)


def test_another_stop_rule_makes_another_rule() -> None:
    base = load_scenario("single")
    chosen = {text: base.with_fields({FIELD: text}) for text in ("pre-copy", "xen-v2")}
    assert same_rules(chosen) == ()
    stopped = {
        text: one.with_fields({"transfer.stop": "fixed-rounds"}) for text, one in chosen.items()
    }
    assert same_rules(stopped) == (("pre-copy", "xen-v2"),)


def test_a_comparison_of_a_rule_with_itself_says_so() -> None:
    names = ("time-series:threshold=4,history=7", "history-majority:history=7")
    report = compare("paper", names, replications=2).report()

    assert report.same_rules == (names,)
    assert report.reasons[0] == (
        f"{names[0]} and {names[1]} are the same rule: they send the same pages and stop alike"
    )
    assert report.reasons[0] in report.answer
