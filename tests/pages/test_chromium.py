"""A real browser, without window and network, opens the page and does what a reader does."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.scripts.load import load

chromium: ModuleType = load("chromium")
pytestmark = pytest.mark.skipif(bool(chromium.absent()), reason=chromium.absent() or "both found")

INK = """
const done = arguments[arguments.length - 1], found = {};
for (const id of Object.keys(Bokeh.index)) {
  const view = Bokeh.index.get_by_id(id);
  if (!view.export || view.model.type !== "Figure") continue;
  const image = view.export("png", false).canvas;
  const pixels = image.getContext("2d").getImageData(0, 0, image.width, image.height).data;
  const colours = new Set();
  for (let i = 0; i < pixels.length; i += 4)
    if (pixels[i + 3] > 200) colours.add(`${pixels[i]},${pixels[i + 1]},${pixels[i + 2]}`);
  found[view.model.name] = [...colours];
}
done(found);
"""
COLUMN = """
const rows = document.querySelector("#trade-table tbody").rows;
return Array.from(rows, (row) => row.cells[arguments[0]].dataset.value);
"""


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """One browser for the module, with a profile of its own."""
    with chromium.browser(tmp_path_factory.mktemp("profile")) as made:
        yield made


@pytest.fixture(scope="module")
def run_file(run_text: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the run as a file."""
    path = tmp_path_factory.mktemp("pages") / "run.html"
    path.write_text(run_text, "utf-8")
    return path


@pytest.fixture(scope="module")
def comparison_file(comparison_text: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of twenty runs as a file."""
    path = tmp_path_factory.mktemp("pages") / "comparison.html"
    path.write_text(comparison_text, "utf-8")
    return path


def _open(driver: Any, path: Path, theme: str = "light", width: int = 1_440) -> None:
    chromium.resize(driver, width, 900, width < 600)
    chromium.prefer(driver, theme)
    chromium.open_page(driver, path)


def _complaints(driver: Any) -> list[str]:
    return [entry["message"] for entry in driver.get_log("browser")
            if entry["level"] in ("WARNING", "SEVERE")]


def _hex(colour: str) -> str:
    return ",".join(str(int(colour[place:place + 2], 16)) for place in (1, 3, 5))


def test_every_chart_is_drawn_in_both_themes(driver: Any, run_file: Path) -> None:
    """Charts have ink in the theme's own colours, the button changes page and charts, and the
    browser has nothing to complain about."""
    from deleverage.pages.drawing.colours import DARK, LIGHT

    _open(driver, run_file)
    driver.execute_script("localStorage.clear()")
    _open(driver, run_file)
    ground = "return getComputedStyle(document.body).backgroundColor"
    for theme in (LIGHT, DARK, LIGHT):
        drawn = driver.execute_async_script(INK)
        assert len(drawn) >= 9
        assert all(len(colours) > 5 for colours in drawn.values()), drawn
        assert _hex(theme["equity"]) in drawn["equity"]
        assert _hex(theme["loss"]) in drawn["underwater"]
        page = driver.execute_script(ground).removeprefix("rgb(").removesuffix(")")
        assert page.replace(" ", "") == _hex(theme["ground"])
        driver.find_element("id", "theme").click()
        driver.execute_async_script(
            "const done = arguments[0]; setTimeout(() => requestAnimationFrame(done), 150);")
    assert _complaints(driver) == []


@pytest.mark.slow
def test_the_systems_theme_is_worn_from_the_start(driver: Any, run_file: Path) -> None:
    """Where the system prefers dark and the reader chose nothing, the page opens dark."""
    _open(driver, run_file)
    driver.execute_script("localStorage.clear()")
    _open(driver, run_file, theme="dark")
    assert driver.execute_script("return document.documentElement.dataset.theme") == "dark"
    assert driver.find_element("id", "theme").text == "Light"


def test_trades_sort_by_mouse_and_keyboard(driver: Any, run_file: Path) -> None:
    """Two columns, both directions: numbers as numbers, words as words; the head says which."""
    _open(driver, run_file)
    heads = driver.find_elements("css selector", "#trade-table thead th")
    names = [head.find_element("tag name", "button").text for head in heads]
    for name, key in (("net", float), ("exit reason", str)):
        column = names.index(name)
        button = heads[column].find_element("tag name", "button")
        for direction in ("ascending", "descending"):
            if name == "net":
                button.click()
            else:
                button.send_keys("\n")
            assert heads[column].get_attribute("aria-sort") == direction
            found = [key(value) for value in driver.execute_script(COLUMN, column) if value != ""]
            assert found == sorted(found, reverse=direction == "descending")
            assert len(set(found)) > 1
        others = {head.get_attribute("aria-sort") for head in heads} - {"ascending", "descending"}
        assert others == {"none"}


@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 1_440])
def test_the_page_never_scrolls_sideways(driver: Any, run_file: Path, comparison_file: Path,
                                         width: int) -> None:
    """On a telephone and on a desk, only tables scroll sideways, each in its box."""
    for path in (run_file, comparison_file):
        _open(driver, path, width=width)
        inner, whole = driver.execute_script(
            "return [document.documentElement.clientWidth, document.documentElement.scrollWidth]")
        assert (inner, whole) == (width, width)
        charts = driver.execute_script(
            "return Array.from(document.querySelectorAll('.plot'), (it) => "
            "[it.clientWidth, it.firstElementChild.getBoundingClientRect().width])")
        assert len(charts) >= 9
        assert all(abs(box - chart) < 2 for box, chart in charts), charts
    assert _complaints(driver) == []


@pytest.mark.slow
def test_a_finger_scrolls_and_a_mouse_drags(driver: Any, run_file: Path) -> None:
    """Dragging over a chart with a mouse narrows every chart over time, and a button undoes it."""
    from selenium.webdriver import ActionChains

    _open(driver, run_file)
    span = ("const found = JSON.parse(document.getElementById('charts-data').textContent);"
            "const id = Bokeh.index.get_by_id(Object.keys(found.roots).find("
            "(key) => found.roots[key] === 'chart-price')).model.x_range;"
            "return [id.start, id.end]")
    whole = driver.execute_script(span)
    plot = driver.find_element("id", "chart-price")
    driver.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})",
                          plot)
    ActionChains(driver).move_to_element_with_offset(plot, -150, 0).click_and_hold() \
        .move_by_offset(200, 5).release().pause(0.3).perform()
    narrow = driver.execute_script(span)
    assert whole[0] < narrow[0] < narrow[1] < whole[1]
    button = driver.find_element("css selector", "#market .reset")
    assert button.is_displayed()
    button.click()
    assert driver.execute_script(span) == whole
    assert not button.is_displayed()


@pytest.mark.slow
def test_runs_are_shown_and_hidden(driver: Any, comparison_file: Path) -> None:
    """A press on a run's button takes its line out of both charts, and brings it back."""
    _open(driver, comparison_file)
    visible = ("const found = JSON.parse(document.getElementById('charts-data').textContent);"
               "return found.runs['run-0'].map((id) => "
               "Bokeh.documents[0].get_model_by_id(id).visible)")
    switch = driver.find_element("css selector", "button[data-run='run-0']")
    assert driver.execute_script(visible) == [True, True]
    switch.click()
    assert driver.execute_script(visible) == [False, False]
    assert switch.get_attribute("aria-pressed") == "false"
    switch.click()
    assert driver.execute_script(visible) == [True, True]
    assert _complaints(driver) == []


@pytest.mark.slow
def test_it_prints(driver: Any, run_file: Path, comparison_file: Path) -> None:
    """Printing gives several pages with pictures, and leaves the screen as it was."""
    for path in (run_file, comparison_file):
        _open(driver, path, theme="dark")
        made = driver.execute_cdp_cmd("Page.printToPDF", {"paperWidth": 8.27, "paperHeight": 11.69})
        paper = base64.b64decode(made["data"])
        assert paper.startswith(b"%PDF")
        assert paper.count(b"/Type /Page\n") + paper.count(b"/Type /Page ") >= 3
        assert paper.count(b"/Subtype /Image") >= 8
        assert driver.execute_script("return document.documentElement.dataset.theme") == "dark"


@pytest.mark.slow
def test_nothing_is_asked_for(driver: Any, run_file: Path) -> None:
    """With the network switched off, the only thing loaded is the file itself."""
    _open(driver, run_file)
    names = driver.execute_script(
        "return performance.getEntriesByType('resource').map((it) => it.name)")
    assert [name for name in names if not name.startswith("data:")] == []
