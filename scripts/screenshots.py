"""Pictures of a run's page and of a comparison's, of the SYNTHETIC scenario, for the documents.

    python scripts/screenshots.py        or: make screenshots

Writes docs/images/{run,comparison}-{light,dark,phone}.png. Needs Debian's chromium and chromedriver
and ``pip install 'deleverage[html]' selenium``.
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

import chromium
from PIL import Image

from deleverage import pages
from deleverage.cli.demo import STRATEGIES
from deleverage.cli.run import carry_out
from deleverage.compare import Comparison
from deleverage.spec import RunSpec

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
SCENARIO, LEVERAGE, SHOWN = "constructive", 20.0, "buy_and_hold"
LIMIT = 400_000  # bytes of one picture
VIEWS = (("light", "light", 1_440, 1_500, 1.0), ("dark", "dark", 1_440, 1_500, 1.0),
         ("phone", "light", 390, 1_500, 2.0))
TOPS = {"run-dark": "market", "comparison-dark": "scan"}  # dark pictures begin at another section


def main() -> int:
    """Make the pages, open each as its views are, and write the pictures; 1 if one is too large."""
    if chromium.absent():
        print(f"error: {chromium.absent()}", file=sys.stderr)
        return 2
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        made = made_pages(Path(folder))
        sizes = [picture(page, name, view, Path(folder)) for name, page in made.items()
                 for view in VIEWS]
    return int(max(sizes) > LIMIT)


def made_pages(folder: Path) -> dict[str, Path]:
    """The page of one strategy's run and of all of them side by side."""
    runs = [carry_out(RunSpec(data=SCENARIO, strategy=name, leverage=LEVERAGE), quiet=True)
            for name in STRATEGIES]
    one = next(row for row in runs if row.result.spec.strategy == SHOWN)
    texts = {"run": pages.run_page(one),
             "comparison": pages.comparison_page(Comparison.of(runs),
                                                 f"strategies on scenario {SCENARIO}")}
    for name, text in texts.items():
        pages.save(text, folder / f"{name}.html")
    return {name: folder / f"{name}.html" for name in texts}


def picture(page: Path, name: str, view: tuple[str, str, int, int, float], folder: Path) -> int:
    """One view of a page as a PNG with a palette; its size in bytes."""
    label, theme, width, height, scale = view
    path = IMAGES / f"{name}-{label}.png"
    with chromium.browser(folder / f"profile-{name}-{label}", width, 900, scale) as driver:
        chromium.resize(driver, width, 900, width < 600)
        chromium.prefer(driver, theme)
        chromium.open_page(driver, page)
        top = 0 if path.stem not in TOPS else driver.execute_script(
            "return document.getElementById(arguments[0]).getBoundingClientRect().top + scrollY",
            TOPS[path.stem])
        shot = chromium.picture(driver, width, height, max(0, int(top) - 20))
    image = Image.open(io.BytesIO(shot)).convert("RGB")
    # by coverage: a thin line in a colour of its own keeps it; means: large areas keep theirs
    image.quantize(256, Image.Quantize.MAXCOVERAGE, kmeans=3, dither=Image.Dither.NONE).save(
        path, optimize=True)
    size = path.stat().st_size
    print(f"{path.relative_to(IMAGES.parent.parent)}: {image.width} × {image.height}, "
          f"{size / 1e3:.0f} kB")
    return size


if __name__ == "__main__":
    raise SystemExit(main())
