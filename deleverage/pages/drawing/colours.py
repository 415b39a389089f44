"""Colours by what they mean, light and dark, told apart by colour-blind readers as well.

A figure never names a colour: :func:`paint` gives it the role, and the page's script changes all
roles at once when the reader changes the theme. Hues are those of Okabe and Ito's set, darkened or
lightened until lines have enough contrast; what is good or bad is blue or orange, never green or
red, and the sign is always printed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from bokeh.model import Model

Painted = TypeVar("Painted", bound=Model)

LIGHT: Mapping[str, str] = {
    "ground": "#f6f7f9", "surface": "#ffffff", "soft": "#f0f2f5", "rule": "#e1e5ea",
    "shade": "#c9d0d9",
    "link": "#0a5a97", "gain-text": "#0a5a97", "loss-text": "#a8430a",
    "warn-ground": "#fff6e5", "warn-edge": "#d17a00", "warn-ink": "#5c3a00",
    "badge-ground": "#5c3a00", "badge-ink": "#fff6e5",
    "ink": "#1a2230", "muted": "#5a6675", "grid": "#e4e8ed", "axis": "#c3cad3",
    "price": "#3c4859", "band": "#9aa7b6", "equity": "#0a6ab0", "worst": "#7fb4dc",
    "gain": "#0a6ab0", "loss": "#c4500a", "liquidation": "#a3124f", "level": "#8a6a00",
    "entry": "#0a6ab0", "exit": "#3c4859", "heat": "#c4500a", "total": "#3c4859",
    "c0": "#0a6ab0", "c1": "#d17a00", "c2": "#00805c", "c3": "#b14a86", "c4": "#3a9bd6",
    "c5": "#b23c00", "c6": "#7a7300", "c7": "#6b7684",
}
DARK: Mapping[str, str] = {
    "ground": "#10151c", "surface": "#171d26", "soft": "#1e2631", "rule": "#2a3340",
    "shade": "#05070a",
    "link": "#7cc3f5", "gain-text": "#7cc3f5", "loss-text": "#f5a56b",
    "warn-ground": "#2b2213", "warn-edge": "#d6962f", "warn-ink": "#f2dcb5",
    "badge-ground": "#f2c879", "badge-ink": "#2b1c00",
    "ink": "#e8ecf2", "muted": "#9aa6b5", "grid": "#27303c", "axis": "#465160",
    "price": "#c6d0dc", "band": "#66748a", "equity": "#5cb3f0", "worst": "#2f6d9c",
    "gain": "#5cb3f0", "loss": "#f0924a", "liquidation": "#ff6fa8", "level": "#d6b54a",
    "entry": "#5cb3f0", "exit": "#c6d0dc", "heat": "#f0924a", "total": "#c6d0dc",
    "c0": "#5cb3f0", "c1": "#f0a63c", "c2": "#3cc39a", "c3": "#e08cbb", "c4": "#8fd0f7",
    "c5": "#f07c4a", "c6": "#d1c64a", "c7": "#a3adba",
}
SERIES = tuple(name for name in LIGHT if name[0] == "c" and name[1:].isdigit())


def style() -> str:
    """The same colours for the page's own elements: a variable a role, and a class ``key-<role>``
    that wears it, for the signs of legends."""
    light, dark = ("".join(f"--{role}:{value};" for role, value in theme.items())
                   for theme in (LIGHT, DARK))
    keys = "".join(f".key-{role}{{color:var(--{role})}}" for role in LIGHT)
    return (f":root{{color-scheme:light;{light}}}"
            f':root[data-theme="dark"]{{color-scheme:dark;{dark}}}'
            # before the script has chosen, and without it
            f"@media screen and (prefers-color-scheme:dark){{:root:not([data-theme])"
            f"{{color-scheme:dark;{dark}}}}}{keys}")


def paint(model: Painted, **roles: str) -> Painted:
    """``model`` with colours by role (``line_color="loss"``); its tags keep the roles."""
    for name, role in roles.items():
        setattr(model, name, LIGHT[role])
    model.tags = [*model.tags, *(f"{name}={role}" for name, role in roles.items())]
    return model


def series(place: int) -> str:
    """The role of the series number ``place``; they repeat after :data:`SERIES`."""
    return SERIES[place % len(SERIES)]
