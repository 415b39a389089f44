"""Packed files are opened without trusting them."""

from __future__ import annotations

import gzip
import hashlib
import zipfile
from pathlib import Path

import pyarrow as pa
import pytest

from deleverage.errors import DataError, MissingTable
from deleverage.feeds import archives
from deleverage.feeds.readers.protocol import Log

TEXT = b"a,b\n1,2\n" * 1000


def packed(path: Path, kind: str) -> Path:
    """The text, packed in one of the ways of vendors."""
    if kind == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("inside.csv", TEXT)
    elif kind == "plain":
        path.write_bytes(TEXT)
    else:
        with pa.CompressedOutputStream(str(path), kind) as sink:
            sink.write(TEXT)
    return path


@pytest.mark.parametrize("kind", ["plain", "gzip", "zstd", "lz4", "zip"])
def test_each_packing_is_told_by_its_bytes(tmp_path: Path, kind: str) -> None:
    """Whatever the name says, the same text comes out."""
    path = packed(tmp_path / "misleading.dat", kind)
    assert archives.packing(path) == (None if kind == "plain" else kind)
    with archives.opened(path) as stream:
        assert stream.read() == TEXT
    assert archives.head(path) == TEXT[:archives.HEAD]


@pytest.mark.parametrize("kind", ["gzip", "zstd", "lz4", "zip"])
def test_a_cut_archive_is_told(tmp_path: Path, kind: str) -> None:
    """Half a download is one line, never fewer rows."""
    path = packed(tmp_path / "half", kind)
    path.write_bytes(path.read_bytes()[:len(path.read_bytes()) // 2])
    with pytest.raises(DataError, match=f"{path}: .*(cut off|damaged)"), \
            archives.opened(path) as stream:
        stream.read()


@pytest.mark.parametrize("inside", ["../up.csv", "/etc/x.csv", "a/../../b.csv", "..\\up.csv"])
def test_a_path_outside_its_folder_is_refused(tmp_path: Path, inside: str) -> None:
    """Nothing is unpacked to disk, and such an archive is not read either."""
    path = tmp_path / "evil.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(inside, TEXT)
    with pytest.raises(DataError, match="a path outside its folder"), archives.opened(path):
        pass


def test_a_zip_holds_one_file(tmp_path: Path) -> None:
    """Of two files nobody knows which is meant."""
    path = tmp_path / "two.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", TEXT)
        archive.writestr("b.csv", TEXT)
    with pytest.raises(DataError, match="expected one file in the zip, found 2"), \
            archives.opened(path):
        pass


@pytest.mark.parametrize("kind", ["zip", "gzip"])
def test_a_bomb_is_not_unfolded(tmp_path: Path, kind: str) -> None:
    """What unfolds a thousandfold is given up after some megabytes."""
    path = tmp_path / "bomb"
    zeros = bytes(100 << 20)
    if kind == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a.csv", zeros)
    else:
        path.write_bytes(gzip.compress(zeros))
    assert path.stat().st_size < len(zeros) / 900
    read: list[int] = []
    with pytest.raises(DataError, match=r"bytes unfold to .* or more: not unpacked"), \
            archives.opened(path) as stream:
        read.extend(len(block) for block in iter(lambda: stream.read(1 << 20), b""))
    assert sum(read) <= 65 << 20


def test_a_published_checksum_is_held_against_the_file(tmp_path: Path) -> None:
    """A mismatch is an error, or a note where it was allowed; without a sum nothing is said."""
    path = packed(tmp_path / "a.zip", "zip")
    log = Log()
    archives.verify(path, log)
    beside = tmp_path / "a.zip.CHECKSUM"
    beside.write_text(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  a.zip\n")
    archives.verify(path, log)
    assert not log.notes
    beside.write_text(f"{'0' * 64}  a.zip\n")
    with pytest.raises(DataError, match=r"its CHECKSUM says 000000000000… \(--allow-bad-checksum"):
        archives.verify(path, log)
    archives.verify(path, log, allow_bad=True)
    assert "read all the same" in log.notes[0]
    beside.write_text("nonsense")
    with pytest.raises(DataError, match="not a sha256 and a file name"):
        archives.verify(path, log)


def test_absent_and_empty_files_are_named(tmp_path: Path) -> None:
    """One line each."""
    with pytest.raises(MissingTable, match="no such file"), archives.opened(tmp_path / "none"):
        pass
    (tmp_path / "empty").touch()
    with pytest.raises(DataError, match="file is empty"), archives.opened(tmp_path / "empty"):
        pass
