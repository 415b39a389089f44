"""The templates, with everything escaped that is not marked as HTML by this package itself."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from bokeh.resources import Resources
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from deleverage import timestamps
from deleverage.pages import reading
from deleverage.pages.drawing import colours

PALE = "#26aae1"  # Bokeh's words in tooltips: too little contrast on white
FOLDER = Path(__file__).parent


@cache
def environment() -> Environment:
    """One for the process; ``autoescape`` is on whatever a template is called."""
    made = Environment(loader=FileSystemLoader(FOLDER / "templates"), autoescape=True,
                       undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    # a Bokeh document must stay in its order: a model is written where it is met first
    made.policies["json.dumps_kwargs"] = {"sort_keys": False, "separators": (",", ":"),
                                          "allow_nan": False}
    made.tests |= {"table": reading.is_table, "lines": reading.is_lines,
                   "section": reading.is_section, "group": reading.is_group}
    made.filters |= {"header": reading.header, "headline": reading.headline,
                     "anchor": reading.anchor, "tone": reading.tone, "term": reading.term,
                     "runs": reading.runs, "moment": timestamps.show}
    return made


def render(template: str, **values: Any) -> str:
    """A page: ``template`` with its style, its scripts and the policy that allows only these."""
    style, scripts = colours.style() + _read("page.css"), (_bokeh(), _read("page.js"))
    policy = "; ".join(f"{name} {value}" for name, value in _policy(scripts).items())
    return environment().get_template(template).render(
        style=Markup(style), scripts=[Markup(script) for script in scripts], policy=policy,
        **values)


def _policy(scripts: tuple[str, ...]) -> Mapping[str, str]:
    """Nothing from anywhere: only these scripts, by their hashes, and pictures inside the file.

    Bokeh sets styles on its elements, so that styles cannot be told by their hashes. It compiles no
    code at run time unless a chart brings some; none of ours does.
    """
    hashes = " ".join(f"'sha256-{_hash(script)}'" for script in scripts)
    return {"default-src": "'none'", "script-src": hashes, "style-src": "'unsafe-inline'",
            "img-src": "data:", "base-uri": "'none'", "form-action": "'none'"}


def _hash(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


@cache
def _bokeh() -> str:
    """BokehJS without widgets, tables, WebGL and MathJax: what charts need and no more."""
    script = _inside(Resources(mode="inline", minified=True, components=["bokeh"]).js_raw[0])
    return script.replace(PALE, colours.LIGHT["link"])


@cache
def _read(name: str) -> str:
    return _inside((FOLDER / "static" / name).read_text("utf-8"))


def _inside(text: str) -> str:
    """Code as it may stand in an element: its end tag in a string would end it, and ``\\r`` would
    change its hash."""
    return text.replace("\r\n", "\n").replace("</script", "<\\/script").strip()
