"""CryptoHFTData's objects, spoilt: refused, or read without a wrong row."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from deleverage.feeds.readers.cryptohftdata import READER
from tests.feeds.readers.fuzz import examples, fuzz
from tests.feeds.readers.test_cryptohftdata import FOLDER, events


def parquet() -> bytes:
    """A small object with checksums on its pages, so that Arrow itself may tell damage."""
    store = pa.BufferOutputStream()
    pq.write_table(pa.table(events()), store, write_page_checksum=True)
    return bytes(store.getvalue().to_pybytes())


@examples(READER.name, 2, 1)
def test_spoilt_objects(tmp_path: Path, examples: int):
    """Bytes flipped, the end cut: an error that names the object, or rows that can be."""
    fuzz(READER, f"{FOLDER}/ETHUSDT_liquidations.parquet", parquet(), tmp_path, examples)


@examples(READER.name, 2, 1)
def test_spoilt_wrapped_objects(tmp_path: Path, examples: int):
    """The same inside zstd, and the wrapping itself."""
    data = pa.compress(parquet(), "zstd", asbytes=True)
    fuzz(READER, f"{FOLDER}/ETHUSDT_liquidations.parquet.zst", data, tmp_path, examples)
