"""The package's surface: its names, loaded when used, under one module name."""

from __future__ import annotations

import subprocess
import sys

import pytest

import deleverage.feeds as feeds


def test_the_names_of_the_package_are_exactly_these():
    """``__all__`` is what can be taken from the package, and each of them can."""
    assert feeds.__all__ == ["Dataset", "FundingData", "LiquidationData", "PerpetualData",
                             "write_dataset"]
    assert dir(feeds) == feeds.__all__
    assert all(getattr(feeds, name).__name__ == name for name in feeds.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'PerpetualDate'"):
        _ = feeds.PerpetualDate


def test_reading_data_imports_neither_backtrader_nor_pandas():
    """A dataset is opened, joined and checked without the engine."""
    code = ("import sys; import deleverage.feeds.importing, deleverage.feeds.checks, "
            "deleverage.feeds.summary; from deleverage.feeds import Dataset; "
            "print({'backtrader', 'pandas'} & set(sys.modules))")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_the_folder_under_its_bare_name_is_refused(repository):
    """``import feeds`` from the checkout says which name to use."""
    done = subprocess.run([sys.executable, "-c", "import feeds"], capture_output=True, text=True,
                          cwd=repository, check=False)
    assert done.returncode == 1
    assert "import 'deleverage.feeds', not 'feeds'" in done.stderr
