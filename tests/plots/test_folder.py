"""Pictures on disk: looked at before the work, whole or not at all, nobody else's touched."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from deleverage import plots
from deleverage.errors import UsageError
from deleverage.plots.pictures import Drawn


def names(folder: Path) -> list[str]:
    """What a folder holds."""
    return sorted(item.name for item in folder.iterdir())


def part(drawn: Drawn, *wanted: str) -> Drawn:
    """Some of the pictures."""
    return Drawn(tuple(one for one in drawn.pictures if one.name in wanted), ())


def test_pictures_are_written_and_replaced(drawn: Drawn, tmp_path: Path) -> None:
    """Two files a picture; the next result takes away the pictures that it has none of."""
    folder = tmp_path / "pictures"
    written = plots.write(drawn, plots.check(folder))
    assert sorted(path.name for path in written) == names(folder)
    assert len(written) == 2 * len(drawn.pictures)
    for one in drawn.pictures:
        assert (folder / f"{one.name}.png").read_bytes() == one.png
        assert (folder / f"{one.name}.svg").read_bytes() == one.svg
    plots.write(part(drawn, "money"), plots.check(folder))
    assert names(folder) == ["money.png", "money.svg"]


def test_a_folder_that_is_not_for_pictures_is_refused(drawn: Drawn, tmp_path: Path) -> None:
    """A file, a folder whose parent is absent, one with other files or with somebody's price.png;
    nothing is touched."""
    file = tmp_path / "file"
    file.write_text("text")
    with pytest.raises(UsageError, match="is a file, expected a folder"):
        plots.check(file)
    with pytest.raises(UsageError, match=r"absent: no such folder to make new in"):
        plots.check(tmp_path / "absent" / "new")
    for name in ("notes.txt", "price.png"):
        folder = tmp_path / f"with {name}"
        folder.mkdir()
        (folder / name).write_text("mine")
        with pytest.raises(UsageError, match=rf"holds other files \({name}\)"):
            plots.check(folder)
        with pytest.raises(UsageError, match="holds other files"):
            plots.write(drawn, folder)
        assert (folder / name).read_text() == "mine"
        assert names(folder) == [name]


def test_a_folder_that_may_not_be_written_to(tmp_path: Path,
                                             monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused before the work: the folder itself, or the one it would be made in."""
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != tmp_path)
    for folder in (tmp_path, tmp_path / "new"):
        with pytest.raises(UsageError, match="may not be written to"):
            plots.check(folder)
    (tmp_path / "other").mkdir()
    assert plots.check(tmp_path / "other") == tmp_path / "other"


def test_sub_folders_are_looked_at_too(drawn: Drawn, tmp_path: Path) -> None:
    """Where two runs are drawn below one folder, each may hold pictures and nothing else."""
    folder = tmp_path / "both"
    below = ("adverse", "favourable")
    plots.check(folder, below)
    plots.write(part(drawn, "money"), folder / "adverse")
    plots.check(folder, below)
    with pytest.raises(UsageError, match=r"holds other files \(adverse\)"):
        plots.check(folder)
    (folder / "adverse" / "notes").write_text("mine")
    with pytest.raises(UsageError, match=r"adverse: holds other files \(notes\)"):
        plots.check(folder, below)


@pytest.mark.parametrize("last", [0, 1, 5])
def test_a_disk_that_refuses_leaves_whole_files(drawn: Drawn, tmp_path: Path, last: int,
                                                monkeypatch: pytest.MonkeyPatch) -> None:
    """Whenever a rename fails there is no draft, and every file is the old one or the new one."""
    replace, done = os.replace, list[Path]()

    def failing(source: Path, target: Path) -> None:
        if len(done) == last:
            raise OSError(28, "No space left on device", str(target))
        done.append(target)
        replace(source, target)

    old = Drawn(tuple(plots.Picture(one.name, one.png + b" old", one.svg + b" old")
                      for one in drawn.pictures), ())
    plots.write(old, tmp_path / "there")
    monkeypatch.setattr(os, "replace", failing)
    with pytest.raises(OSError, match="No space left"):
        plots.write(drawn, tmp_path / "there")
    assert len(names(tmp_path / "there")) == 2 * len(drawn.pictures)
    found = [path.read_bytes().endswith(b" old") for path in (tmp_path / "there").iterdir()]
    assert found.count(False) == last
    done.clear()
    with pytest.raises(OSError, match="No space left"):
        plots.write(drawn, tmp_path / "new")
    assert (tmp_path / "new").exists() == (last > 0)
    if last:
        assert len(names(tmp_path / "new")) == last


def test_a_draft_of_a_run_that_was_killed_goes(drawn: Drawn, tmp_path: Path) -> None:
    """It does not make the folder somebody else's."""
    (tmp_path / ".price.svg.123.part").write_text("half")
    plots.write(part(drawn, "money"), plots.check(tmp_path))
    assert names(tmp_path) == ["money.png", "money.svg"]
