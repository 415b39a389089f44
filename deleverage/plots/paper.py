"""The sheet a picture is drawn on: title, panels below one another, legends, small print.

Distances are inches. Nothing is left to a layout engine: words are measured, rows of legends and
small print are counted, and the height of the figure follows, so that nothing lies over anything.
"""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from deleverage.plots import style
from deleverage.plots.words import flowed, shortened, width

LEFT, RIGHT = 0.95, 0.40
_TOP, _GAP, _HEAD, _ROW, _TICKS, _LABEL, _PRINT = 0.66, 0.20, 0.20, 0.165, 0.26, 0.18, 0.135
_TICK_ROOM = 42.0  # points for the numbers beside a panel; longer ones are set smaller
_HANDLE = 36.0  # points of a legend's line and the air around an entry


class Paper:
    """One picture. Draw into ``panels``, add to ``notes``, then take :meth:`figure`."""

    def __init__(self, title: str, subtitle: str, heights: Sequence[float],
                 notes: Sequence[str] = (), right: float = RIGHT, share: bool = True) -> None:
        """``heights`` of the panels from the top; ``right``: room kept beside them; ``share``:
        all have the first one's horizontal axis, and only the lowest shows its ticks."""
        self.title, self.subtitle, self.notes = title, subtitle, list(notes)
        self.heights, self.right, self.share = tuple(heights), right, share
        self._figure = Figure(figsize=(style.WIDTH, 5.0), dpi=style.DPI, facecolor="white")
        FigureCanvasAgg(self._figure)
        self.panels: list[Axes] = []
        for index in range(len(heights)):
            shared = self.panels[0] if share and index else None
            self.panels.append(self._figure.add_axes((0.1, 0.1, 0.1, 0.1), sharex=shared,
                                                     label=f"panel {index}"))
        self._heads = [""] * len(heights)

    @property
    def across(self) -> float:
        """Inches from the left to the right end of a panel."""
        return style.WIDTH - LEFT - self.right

    def head(self, panel: int, text: str) -> None:
        """What a panel shows, above it."""
        self._heads[panel] = text

    def figure(self) -> Figure:
        """The finished figure, everything in its place."""
        legends = [self._legend_rows(axes) for axes in self.panels]
        room = 72 * (style.WIDTH - LEFT - RIGHT)
        prints = flowed(self.notes, room, style.SMALL)
        last = len(self.panels) - 1
        feet = [_TICKS + (_LABEL if axes.get_xlabel() else 0.0) if index == last or not self.share
                else 0.0 for index, axes in enumerate(self.panels)]
        above = [(_HEAD if head else 0.0) + _ROW * rows + 0.04
                 for head, rows in zip(self._heads, legends, strict=True)]
        tall = _TOP + sum(above) + sum(self.heights) + sum(feet) + _GAP * last \
            + _PRINT * len(prints) + 0.16
        self._figure.set_size_inches(style.WIDTH, tall)
        top = tall - _TOP
        for index, axes in enumerate(self.panels):
            top -= above[index]
            self._place(axes, top, self.heights[index], tall)
            self._crown(index, top, tall, legends[index])
            if not feet[index]:
                axes.tick_params(labelbottom=False, length=0, axis="x")
            top -= self.heights[index] + feet[index] + _GAP
        self._words(tall, prints)
        return self._figure

    def _place(self, axes: Axes, top: float, height: float, tall: float) -> None:
        axes.set_position((LEFT / style.WIDTH, (top - height) / tall, self.across / style.WIDTH,
                           height / tall))
        axes.tick_params(labelsize=style.PLAIN)
        axes.xaxis.label.set_fontsize(style.PLAIN)
        axes.yaxis.label.set_fontsize(style.PLAIN)
        ticks = axes.yaxis.get_major_formatter().format_ticks(
            axes.yaxis.get_majorticklocs().tolist())
        widest = max((width(text, style.PLAIN) for text in ticks), default=0.0)
        if widest > _TICK_ROOM:
            axes.tick_params(axis="y", labelsize=style.PLAIN * _TICK_ROOM / widest)
        axes.yaxis.set_label_coords(-(min(widest, _TICK_ROOM) + 15) / 72 / self.across, 0.5)

    def _legend_rows(self, axes: Axes) -> int:
        labels = axes.get_legend_handles_labels()[1]
        return -(-len(labels) // self._columns(labels)) if labels else 0

    def _columns(self, labels: Sequence[str]) -> int:
        """As many columns as fit, read along the rows."""
        widths = [width(label, style.PLAIN) + _HANDLE for label in labels]
        return next((count for count in range(len(labels), 1, -1)
                     if sum(max(widths[column::count]) for column in range(count))
                     <= 72 * self.across), 1)

    def _crown(self, index: int, top: float, tall: float, rows: int) -> None:
        """Heading and legend above a panel."""
        axes, inch = self.panels[index], 1 / self.heights[index]
        if self._heads[index]:
            axes.text(0.0, 1 + inch * (0.09 + _ROW * rows), self._heads[index], size=style.HEAD,
                      weight="bold", transform=axes.transAxes, va="bottom", ha="left")
        if rows:
            handles, labels = axes.get_legend_handles_labels()
            columns = self._columns(labels)
            # matplotlib fills column after column; people read row after row
            order = [place for column in range(columns)
                     for place in range(column, len(labels), columns)]
            axes.legend([handles[place] for place in order], [labels[place] for place in order],
                        loc="lower left", bbox_to_anchor=(0.0, 1 + inch * 0.05), ncols=columns,
                        fontsize=style.PLAIN, borderaxespad=0.0, borderpad=0.0, handlelength=2.0,
                        handletextpad=0.6, columnspacing=1.4, labelspacing=0.45)

    def _words(self, tall: float, prints: Sequence[str]) -> None:
        left, room = LEFT / style.WIDTH, 72 * (style.WIDTH - LEFT - RIGHT)
        for drop, size, weight, colour, text in (
                (0.33, style.TITLE, "bold", style.BLACK, self.title),
                (0.54, style.PLAIN, "normal", style.GREY, self.subtitle)):
            self._figure.text(left, 1 - drop / tall, shortened(text, room, size, weight), size=size,
                              weight=weight, color=colour, va="baseline", ha="left")
        for index, line in enumerate(reversed(prints)):
            self._figure.text(left, (0.1 + _PRINT * index) / tall, line, size=style.SMALL,
                              color=style.GREY, va="baseline", ha="left")
