"""`report`: one page that stands alone, with everything in it that a reader asks for."""

from __future__ import annotations

import json
import re
import shutil
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest

from cluster_emu.html_report.page import Page, Section, Table
from cluster_emu.html_report.rendering import Origin, render
from cluster_emu.results.result_folder import check_whole
from tests.html_report.conftest import COMMANDS, EVIL, HOST, emu

VOID = {"meta", "link", "img", "br"}


class Outline(HTMLParser):
    """The elements of a document in order, checked for being closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(params=COMMANDS)
def page(request: pytest.FixtureRequest, reports: dict[str, Path]) -> Path:
    return reports[request.param]


def outline(page: Path) -> Outline:
    return Outline(page.read_text("utf-8"))


def test_it_is_whole_html_with_one_main_heading_and_no_level_skipped(page: Path) -> None:
    found = outline(page)
    levels = [int(tag[1]) for tag, _ in found.tags if re.fullmatch("h[1-6]", tag)]

    assert found.open == []
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_it_needs_nothing_else(page: Path) -> None:
    found = outline(page)

    assert found.of("script") == []
    assert [each["href"] for each in found.of("link")] == ["data:,"]
    assert all(str(each["src"]).startswith("data:image/") for each in found.of("img"))
    assert "url(" not in page.read_text("utf-8")
    for link in found.of("a"):
        target = str(link["href"])
        assert target.startswith("#") or (page.parent / target).is_file()


def test_tables_have_captions_and_scopes_and_figures_alternatives(page: Path) -> None:
    found = outline(page)

    assert len(found.of("caption")) == len(found.of("table")) > 0
    assert {each.get("scope") for each in found.of("th")} == {"col", "row"}
    assert found.of("img")
    assert all(each["alt"] for each in found.of("img"))
    identifiers = [each["id"] for _, each in found.tags if "id" in each]
    assert len(identifiers) == len(set(identifiers))


def test_names_are_texts_and_nothing_else(page: Path) -> None:
    text = page.read_text("utf-8")

    assert EVIL not in text
    assert HOST not in text
    assert "</style><b>" not in text
    assert "49" not in re.findall(r"<th scope=\"row\">([^<]*)</th>", text)
    if page.parent.name != "batch":
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


def test_it_says_how_to_reproduce_it(page: Path) -> None:
    text = page.read_text("utf-8")
    command = page.parent.name
    about = json.loads((page.parent / "result.json").read_text("utf-8"))

    assert f"<code>cluster-emu {command} " in text
    assert "--out" not in about["arguments"]
    assert about["arguments"][0] == command
    assert f"cluster-emu {about['versions']['cluster-emu']}" in text
    assert re.search(r'<dd class="seeds">[0-9, ]+</dd>', text)


@pytest.mark.slow
def test_the_same_result_gives_the_same_report(page: Path) -> None:
    before = {path: path.read_bytes() for path in page.parent.rglob("*") if path.is_file()}

    assert emu("report", page.parent).exit_code == 0
    after = {path: path.read_bytes() for path in page.parent.rglob("*") if path.is_file()}
    assert after == before
    check_whole(page.parent)


def test_the_tables_are_files_beside_it(reports: dict[str, Path]) -> None:
    folder = reports["compare"].parent
    written = pd.read_csv(folder / "report" / "differences-1.csv")

    report = json.loads((folder / "compare.json").read_text("utf-8"))
    assert written["verdict"].tolist() == [one["verdict"] for one in report["paired"]]
    assert {"comparison.png", "comparison.svg", "means.csv", "runs.csv"} <= {
        path.name for path in (folder / "report").iterdir()
    }


def test_the_answer_and_the_verdicts_are_those_of_the_result(reports: dict[str, Path]) -> None:
    text = reports["compare"].read_text("utf-8")
    report = json.loads((reports["compare"].parent / "compare.json").read_text("utf-8"))

    assert report["answer"] in text
    found = re.findall(r'class="verdict \w+"><span aria-hidden="true">.</span> ([a-z ]+)<', text)
    assert found
    assert set(found) <= {one["verdict"] for one in report["paired"]}


def test_a_study_says_where_which_strategy_is_better(reports: dict[str, Path]) -> None:
    text = reports["batch"].read_text("utf-8")

    assert "Which of pre-copy and time-series is better at which profile and bandwidth_bps" in text
    assert '<th scope="col">bandwidth_bps</th>' in text or ">bandwidth_bps</th>" in text
    assert "24, 0 of them failed" in text


@pytest.mark.slow
def test_a_study_goes_on_after_its_report(results: dict[str, Path], tmp_path: Path) -> None:
    folder = tmp_path / "batch"
    shutil.copytree(results["batch"], folder)
    assert emu("report", folder).exit_code == 0

    done = emu("batch", results["batch"].parent / "study.toml", "--out", folder)
    assert done.exit_code == 0, done.output
    assert emu("report", folder).exit_code == 0


def test_long_tables_are_cut_and_say_so() -> None:
    rows = [(str(number), "x") for number in range(40)]
    table = Table("long", "Numbers", ("number", "letter"), rows)
    page = Page("Kind", "Title", "?", "!", [], [], [Section("Part", [table])], [], [])

    text = render(page, {}, Origin("", {}, "folder", []))
    assert text.count("<tr>") == 1 + 30
    assert "The first 30 of 40 rows; the file has all." in text
    assert len(table.frame()) == 40


@pytest.mark.parametrize("command", ["compare", "batch"])
def test_a_file_that_was_changed_is_refused(
    command: str, results: dict[str, Path], tmp_path: Path
) -> None:
    folder = tmp_path / "changed"
    shutil.copytree(results[command], folder)
    file = folder / {"compare": "compare.json", "batch": "means.csv"}[command]
    file.write_text(file.read_text("utf-8") + " \n", "utf-8")

    done = emu("report", folder)
    assert done.exit_code == 2
    assert not (folder / "report").is_dir() or (results[command] / "report").is_dir()


def test_another_folder_is_refused(tmp_path: Path) -> None:
    done = emu("report", tmp_path)
    assert done.exit_code == 2
    assert "run, compare, evacuate, maintain or batch" in done.output
    assert emu("report", tmp_path / "none").exit_code == 2
    assert list(tmp_path.iterdir()) == []
