"""A strategy's truth table as rows a reader, or another program, can check by hand."""

from __future__ import annotations

from typing import TypedDict

from cluster_emu.strategies.contract import Decision, Strategy


class TruthRow(TypedDict):
    """One line of a truth table; the last two bits of `history` are to_send and to_skip."""

    history: str
    to_send: int
    to_skip: int
    decision: str


class TruthDocument(TypedDict):
    """The shape of ``strategies NAME --history N --json``."""

    strategy: str
    history: int
    table: list[TruthRow]


def truth_table(
    strategy: Strategy, round_number: int = 2, history: int | None = None
) -> list[TruthRow]:
    """Return one row per history, oldest bit first, in counting order.

    A row has as many bits as the strategy's history code, but at least two: to_send, here the dirty
    bit of the previous round, and to_skip. Where the code holds several peeks of one round, to_send
    stands before the last of them. `history` asks for wider rows (the older bits make no
    difference then), so that tables of different histories can be compared line by line.
    """
    bits = max(_row_bits(strategy), history or 0)
    return [_row(strategy, round_number, row, bits) for row in range(2**bits)]


def truth_document(
    strategy: Strategy, round_number: int = 2, history: int | None = None
) -> TruthDocument:
    """Return `truth_table` with the strategy's name and the history it was printed for."""
    return {
        "strategy": strategy.name,
        "history": history or strategy.history,
        "table": truth_table(strategy, round_number, history),
    }


def _row_bits(strategy: Strategy) -> int:
    return strategy.code_bits + 1 if strategy.peeks > 1 else max(strategy.code_bits, 2)


def _row(strategy: Strategy, round_number: int, row: int, bits: int) -> TruthRow:
    to_send, to_skip = row >> 1 & 1, row & 1
    # With several peeks to_send is no part of the code, so it is taken out from between them.
    code = row >> 2 << 1 | to_skip if strategy.peeks > 1 else row
    column = code % 2**strategy.code_bits
    decision = Decision(int(strategy.table(round_number)[to_send, column]))
    return {
        "history": f"{row:0{bits}b}",
        "to_send": to_send,
        "to_skip": to_skip,
        "decision": decision.label,
    }
