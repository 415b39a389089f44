"""Debian's Chromium without a window and without a network, for tests and pictures of pages."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

PROGRAM, DRIVER = (Path("/usr/bin") / name for name in ("chromium", "chromedriver"))
SECONDS = 30  # for a page to be drawn
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-default-apps", "--disable-extensions", "--disable-dev-shm-usage",
    "--hide-scrollbars", "--force-prefers-reduced-motion", "--force-color-profile=srgb",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)


def absent() -> str:
    """Which of the two programs is missing, "" where both are there."""
    return ", ".join(f"{path} is not installed" for path in (PROGRAM, DRIVER) if not path.is_file())


@contextmanager
def browser(profile: Path, width: int = 1440, height: int = 900,
            scale: float = 1.0) -> Iterator[webdriver.Chrome]:
    """Chromium with a new ``profile`` folder, every request answered by nothing.

    ``scale``: device pixels a CSS pixel.
    """
    options = Options()
    options.binary_location = str(PROGRAM)
    for flag in (*FLAGS, f"--user-data-dir={profile}", f"--window-size={width},{height}",
                 f"--force-device-scale-factor={scale:g}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, Service(str(DRIVER)))  # given one, selenium looks for none
    try:
        driver.execute_cdp_cmd("Network.enable", {})
        driver.execute_cdp_cmd("Network.emulateNetworkConditions", {
            "offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0})
        yield driver
    finally:
        driver.quit()
        shutil.rmtree(profile, ignore_errors=True)


def resize(driver: webdriver.Chrome, width: int, height: int, mobile: bool = False) -> None:
    """A viewport of exactly this size; ``mobile``: of a telephone."""
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
        "width": width, "height": height, "deviceScaleFactor": 0, "mobile": mobile})


def prefer(driver: webdriver.Chrome, theme: str) -> None:
    """What the system says about light and dark."""
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [
        {"name": "prefers-color-scheme", "value": theme}]})


def open_page(driver: webdriver.Chrome, path: Path) -> None:
    """Load the file and wait until its charts are drawn."""
    driver.get(path.resolve().as_uri())
    WebDriverWait(driver, SECONDS).until(
        lambda it: it.execute_script("return document.documentElement.dataset.drawn === 'true'"))
    driver.execute_async_script(
        "const done = arguments[0];"
        "requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 300)));")


def picture(driver: webdriver.Chrome, width: int, height: int, top: int = 0) -> bytes:
    """The page from ``top`` on as PNG, beyond the viewport where it is longer."""
    shot = driver.execute_cdp_cmd("Page.captureScreenshot", {
        "format": "png", "captureBeyondViewport": True,
        "clip": {"x": 0, "y": top, "width": width, "height": height, "scale": 1}})
    return base64.b64decode(shot["data"])
