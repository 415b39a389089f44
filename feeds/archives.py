"""Files as vendors pack them, opened without trusting them.

A file may be plain, gzip, zstd, an LZ4 frame, or a zip that holds one file. What it unfolds to is
bounded: by a size, and by its ratio to what is on disk (nothing of a market's rows packs 1000:1).
"""

from __future__ import annotations

import errno
import hashlib
import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

import pyarrow as pa

from deleverage.errors import DataError
from deleverage.feeds.readers.protocol import Log, existing

HEAD = 4096  # bytes by which a file is told from others
UNFOLDED_LIMIT = 16 << 30  # bytes any one file may unfold to
RATIO_LIMIT = 400  # times its size on disk: months of quiet one-minute bars pack about 10:1
_SMALL = 64 << 20  # below this a ratio means nothing
# what the packings raise on bytes that are not theirs (zipfile: also of its own tables)
_DAMAGE = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, NotImplementedError,
           EOFError, pa.ArrowException)

_MAGIC = ((b"\x1f\x8b", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"), (b"\x04\x22\x4d\x18", "lz4"),
          (b"PK\x03\x04", "zip"))


def packing(path: Path) -> str | None:
    """gzip, zstd, lz4, zip or None, by the file's first bytes, whatever its name says."""
    with path.open("rb") as stream:
        start = stream.read(4)
    return next((name for magic, name in _MAGIC if start.startswith(magic)), None)


def head(path: Path) -> bytes:
    """The first bytes of what is in ``path``, unpacked; empty where it cannot be unpacked."""
    try:
        with opened(path) as stream:
            return stream.read(HEAD)
    except DataError:
        return b""


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """What is in ``path`` as a stream of bytes, unpacked while it is read.

    Raises DataError for an archive that is cut, damaged, holds another path than its own folder,
    more than one file, or unfolds beyond measure; MissingTable where it is absent.
    """
    existing(path)
    kind = packing(path)
    try:
        if kind is None:
            with path.open("rb") as plain:
                yield plain
        elif kind == "zip":
            with _zipped(path) as inner:
                yield inner
        else:
            with pa.CompressedInputStream(pa.OSFile(str(path)), kind) as unpacked:
                yield _bounded(path, cast(IO[bytes], unpacked))
    except _DAMAGE as error:
        text = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(f"{path}: cut off or damaged: {text}") from None
    except OSError as error:
        if error.errno not in (None, errno.EINVAL):
            raise
        text = str(error).splitlines()[0]  # Arrow's own, of the packing; a zip's place before 0
        raise DataError(f"{path}: cut off or damaged: {text}") from None


@contextmanager
def _zipped(path: Path) -> Iterator[IO[bytes]]:
    """The one file inside a zip."""
    with zipfile.ZipFile(path) as archive:
        names = [each for each in archive.infolist() if not each.is_dir()]
        for each in names:
            inside = PurePosixPath(each.filename.replace("\\", "/"))
            if inside.is_absolute() or ".." in inside.parts:
                raise DataError(f"{path}: holds {each.filename!r}, a path outside its folder")
        if len(names) != 1:
            raise DataError(f"{path}: expected one file in the zip, found {len(names)}")
        if names[0].flag_bits & 1:
            raise DataError(f"{path}: is encrypted")
        _measured(path, names[0].file_size)
        with archive.open(names[0]) as stream:
            yield _bounded(path, stream)


def _measured(path: Path, size: int) -> None:
    packed = path.stat().st_size
    if size > UNFOLDED_LIMIT or (size > _SMALL and size > RATIO_LIMIT * packed):
        raise DataError(f"{path}: {packed:,} bytes unfold to {size:,} or more: not unpacked")


class _Counted(io.RawIOBase):
    """A stream that stops where an archive unfolds beyond measure."""

    def __init__(self, path: Path, stream: IO[bytes]) -> None:
        self._path, self._stream, self._size = path, stream, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._stream.read(len(buffer))
        self._size += len(data)
        _measured(self._path, self._size)
        buffer[:len(data)] = data
        return len(data)


def _bounded(path: Path, stream: IO[bytes]) -> IO[bytes]:
    return cast(IO[bytes], io.BufferedReader(_Counted(path, stream), 1 << 20))


def verify(path: Path, log: Log, allow_bad: bool = False) -> None:
    """Hold ``path`` against the sha256 in ``path``.CHECKSUM beside it, where there is one.

    A mismatch is a DataError, a note with ``allow_bad``: some published sums are wrong
    (binance-public-data, issue 498).
    """
    beside = path.with_name(path.name + ".CHECKSUM")
    if not beside.is_file():
        return
    words = beside.read_text(errors="replace").split()
    if not words or len(words[0]) != 64:
        raise DataError(f"{beside}: not a sha256 and a file name")
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found == words[0].lower():
        return
    text = f"{path}: sha256 {found[:12]}…, its CHECKSUM says {words[0][:12].lower()}…"
    if not allow_bad:
        raise DataError(f"{text} (--allow-bad-checksum reads it all the same)")
    log.note(text + ": read all the same")
