from __future__ import annotations

from pathlib import Path

import pytest
from matplotlib.figure import Figure

import cluster_emu.view
from cluster_emu import ScenarioError
from cluster_emu.view import save_figure


def picture() -> Figure:
    figure = Figure(figsize=(2, 2))
    figure.add_subplot().plot([1, 2, 3], label="a")
    return figure


def test_the_same_figure_gives_the_same_bytes(tmp_path: Path) -> None:
    for kind in ("png", "svg", "pdf"):
        paths = [save_figure(picture(), tmp_path / f"{name}.{kind}") for name in ("one", "two")]
        one, two = (path.read_bytes() for path in paths)
        assert one == two
        assert b"matplotlib" not in one.lower().split(b"<defs>")[0].replace(b"matplotlib.org", b"")


def test_it_returns_the_file_and_leaves_no_other(tmp_path: Path) -> None:
    paths = [tmp_path / "deep" / f"a.{kind}" for kind in ("pdf", "png", "svg")]
    assert [save_figure(picture(), path) for path in paths] == paths
    assert sorted((tmp_path / "deep").iterdir()) == paths


def test_axes_save_their_figure(tmp_path: Path) -> None:
    figure = picture()
    save_figure(figure, tmp_path / "figure.png")
    save_figure(figure.axes[0], tmp_path / "axes.png")
    assert (tmp_path / "axes.png").read_bytes() == (tmp_path / "figure.png").read_bytes()


def test_a_figure_that_cannot_be_drawn_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    save_figure(picture(), path)
    before = path.read_bytes()
    broken = picture()
    broken.axes[0].set_title(r"$\nosuchcommand$")
    with pytest.raises(ValueError, match="nosuchcommand"):
        save_figure(broken, path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["a.jpg", "a", "a.png.txt"])
def test_another_ending_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ScenarioError, match=r"a file name that ends in \.png, \.svg or \.pdf"):
        save_figure(picture(), tmp_path / name)


def test_pictures_are_drawn_without_pyplot() -> None:
    """Its windows and global state have no place in a library."""
    package = Path(cluster_emu.view.__file__).parent
    assert not [
        path.name for path in package.glob("*.py") if "matplotlib.pyplot" in path.read_text()
    ]
