"""The scripts of the scenarios: what is imposed on the price, stretch by stretch.

All figures here are scenario INPUTS, shaped after the documents on ETH's liquidation cascade of
31 January 2026 (from the 3,000 zone to about 2,350 in one day). They are not market data: on real
exchanges the fall took three days and no reclaim of 2,750 or 3,000 followed.
"""

from __future__ import annotations

from dataclasses import dataclass

from deleverage import timestamps
from deleverage.timestamps import MINUTE

BURN_IN = "2026-01-22"  # hidden days in which the first positions are opened; never shown
START = "2026-01-28"  # open of the first bar
CASCADE = "2026-01-31"  # the day of the cascade, 00:00 to 24:00 UTC
FORK = "2026-02-01"  # the continuations part here


@dataclass(frozen=True, slots=True)
class Wick:
    """One violent minute: how far its lows stick out.

    ``mark_bp`` is added below the body of the mark's bar, ``last_bp`` below the mark's low.
    """

    opens: str
    mark_bp: float
    last_bp: float


@dataclass(frozen=True, slots=True)
class Stretch:
    """A run of days with its script.

    ``anchors`` are (instant, fair price) the path is bridged between; ``volatility`` gives the
    daily volatility of the noise from an instant on; ``activity`` the pace at which positions are
    opened, relative to an ordinary day; ``interest`` the drift of open interest in coins a day.
    """

    name: str
    start: str
    end: str
    anchors: tuple[tuple[str, float], ...]
    volatility: tuple[tuple[str, float], ...]
    activity: tuple[tuple[str, float], ...]
    interest: tuple[tuple[str, float], ...]
    wicks: tuple[Wick, ...] = ()

    @property
    def start_ns(self) -> int:
        """Open of the first minute."""
        return timestamps.parse(self.start)

    @property
    def minutes(self) -> int:
        """Number of one-minute bars."""
        return (timestamps.parse(self.end) - self.start_ns) // MINUTE


@dataclass(frozen=True, slots=True)
class Preset:
    """A scenario: the common history and one continuation of it."""

    name: str
    story: str
    continuation: Stretch


HISTORY = Stretch(
    name="history",
    start=BURN_IN,
    end=FORK,
    anchors=(
        ("2026-01-22", 2_985), ("2026-01-24", 2_955), ("2026-01-25T16:00", 2_925),
        ("2026-01-26T10:00", 2_895), ("2026-01-27T06:00", 2_945), ("2026-01-28", 3_034),
        ("2026-01-28T05:30", 3_046), ("2026-01-28T15:00", 3_052), ("2026-01-29T06:00", 3_074),
        ("2026-01-29T17:00", 3_062),
        ("2026-01-30T08:00", 3_066), ("2026-01-30T19:00", 3_042), ("2026-01-31", 3_018),
        ("2026-01-31T02:30", 3_006), ("2026-01-31T06:00", 2_975), ("2026-01-31T08:40", 2_930),
        ("2026-01-31T10:30", 2_941), ("2026-01-31T12:30", 2_884), ("2026-01-31T13:50", 2_857),
        # first wave: through the zone 2,750-2,800, then a bounce that is refused there
        ("2026-01-31T14:06", 2_836), ("2026-01-31T14:26", 2_753), ("2026-01-31T14:33", 2_722),
        ("2026-01-31T14:50", 2_748), ("2026-01-31T15:20", 2_764), ("2026-01-31T15:48", 2_718),
        # second wave, in two pushes, then more than an hour that looks like the end
        ("2026-01-31T16:16", 2_651), ("2026-01-31T16:27", 2_665), ("2026-01-31T16:48", 2_590),
        ("2026-01-31T16:57", 2_546), ("2026-01-31T17:08", 2_567), ("2026-01-31T17:35", 2_584),
        ("2026-01-31T17:58", 2_572),
        # third wave: the floor gives way, 2,350 is swept and taken back within minutes
        ("2026-01-31T18:08", 2_514), ("2026-01-31T18:14", 2_533), ("2026-01-31T18:24", 2_463),
        ("2026-01-31T18:29", 2_479), ("2026-01-31T18:36", 2_418), ("2026-01-31T18:38", 2_424),
        ("2026-01-31T18:40", 2_383), ("2026-01-31T18:41", 2_360), ("2026-01-31T18:42", 2_374),
        ("2026-01-31T18:45", 2_405), ("2026-01-31T18:55", 2_388), ("2026-01-31T19:20", 2_412),
        ("2026-01-31T20:20", 2_386), ("2026-01-31T21:30", 2_418), ("2026-01-31T22:40", 2_409),
        (FORK, 2_440),
    ),
    volatility=((BURN_IN, .030), (START, .032), ("2026-01-29", .026), ("2026-01-30", .030),
                ("2026-01-31T14:00", .045), ("2026-01-31T17:55", .062), ("2026-01-31T20:30", .040)),
    activity=((BURN_IN, 1.0), ("2026-01-29", .9), ("2026-01-30", 1.2), ("2026-01-31T14:30", 1.9),
              ("2026-01-31T18:40", .7)),
    interest=((BURN_IN, 5_000.), ("2026-01-30", 62_000.), ("2026-01-31T14:00", 0.)),
    wicks=(Wick("2026-01-31T14:32", 20, 56), Wick("2026-01-31T16:56", 14, 62),
           Wick("2026-01-31T18:39", 10, 30), Wick("2026-01-31T18:40", 48, 118)),
)

CONSTRUCTIVE = Stretch(
    name="constructive",
    start=FORK,
    end="2026-02-12",
    anchors=(
        (FORK, 2_440), ("2026-02-01T07:00", 2_424), ("2026-02-01T14:30", 2_394),
        ("2026-02-01T20:00", 2_421), ("2026-02-02", 2_404), ("2026-02-02T06:35", 2_360),
        ("2026-02-02T07:30", 2_374), ("2026-02-02T15:40", 2_452), ("2026-02-03", 2_441),
        ("2026-02-03T10:00", 2_478), ("2026-02-03T18:00", 2_447), ("2026-02-04T06:00", 2_512),
        ("2026-02-04T20:00", 2_547), ("2026-02-05T12:00", 2_521), ("2026-02-06", 2_618),
        ("2026-02-06T15:00", 2_674), ("2026-02-07T02:00", 2_703), ("2026-02-07T09:00", 2_768),
        # refused inside the zone first, accepted above it on the next day, with a retest
        ("2026-02-07T13:00", 2_732), ("2026-02-07T20:00", 2_698), ("2026-02-08T06:00", 2_742),
        ("2026-02-08T10:00", 2_814), ("2026-02-08T11:30", 2_822), ("2026-02-08T12:10", 2_809),
        ("2026-02-08T14:00", 2_846), ("2026-02-09", 2_862), ("2026-02-09T12:00", 2_885),
        ("2026-02-10", 2_921), ("2026-02-10T09:00", 2_948), ("2026-02-10T15:00", 2_984),
        ("2026-02-10T20:00", 2_952), ("2026-02-11T04:00", 2_976), ("2026-02-11T08:30", 2_983),
        ("2026-02-11T09:40", 3_013), ("2026-02-11T10:30", 3_021), ("2026-02-11T11:10", 3_009),
        ("2026-02-11T12:30", 3_034), ("2026-02-11T19:00", 3_058), ("2026-02-12", 3_052),
    ),
    volatility=((FORK, .033), ("2026-02-02", .032), ("2026-02-03", .030),
                ("2026-02-11", .024)),
    activity=((FORK, .55), ("2026-02-03", .7), ("2026-02-06", .9), ("2026-02-09", 1.0)),
    interest=((FORK, 8_000.), ("2026-02-03", 18_000.), ("2026-02-07", 24_000.)),
)

RISK = Stretch(
    name="risk",
    start=FORK,
    end="2026-02-09",
    anchors=(
        (FORK, 2_440), ("2026-02-01T05:00", 2_421), ("2026-02-01T11:00", 2_386),
        ("2026-02-01T14:00", 2_374), ("2026-02-01T14:32", 2_312), ("2026-02-01T16:30", 2_322),
        ("2026-02-01T20:00", 2_291), ("2026-02-01T22:55", 2_262), ("2026-02-01T23:12", 2_214),
        ("2026-02-01T23:30", 2_236), ("2026-02-02", 2_269), ("2026-02-02T03:30", 2_248),
        ("2026-02-02T06:35", 2_176), ("2026-02-02T09:00", 2_230), ("2026-02-02T15:40", 2_321),
        ("2026-02-02T18:00", 2_294), ("2026-02-03", 2_278), ("2026-02-03T14:00", 2_236),
        ("2026-02-03T18:45", 2_128), ("2026-02-04", 2_206), ("2026-02-04T10:00", 2_231),
        ("2026-02-05", 2_147), ("2026-02-05T12:00", 2_066), ("2026-02-05T17:00", 2_012),
        ("2026-02-05T22:15", 1_862), ("2026-02-06", 1_884), ("2026-02-06T00:15", 1_838),
        ("2026-02-06T06:00", 1_926), ("2026-02-06T16:00", 2_012), ("2026-02-07", 2_048),
        ("2026-02-07T12:00", 2_031), ("2026-02-08", 2_083), ("2026-02-08T12:00", 2_061),
        ("2026-02-09", 2_094),
    ),
    volatility=((FORK, .042), ("2026-02-02", .038), ("2026-02-05", .060),
                ("2026-02-06T12:00", .045)),
    activity=((FORK, 1.7), ("2026-02-02T12:00", 1.2), ("2026-02-06T12:00", .7)),
    interest=((FORK, 10_000.), ("2026-02-02", 25_000.), ("2026-02-05", 10_000.)),
    wicks=(Wick("2026-02-01T23:11", 24, 55), Wick("2026-02-03T18:44", 14, 42),
           Wick("2026-02-06T00:14", 22, 66)),
)

PRESETS = {
    "constructive": Preset(
        "constructive",
        "2,350 holds, 2,750-2,800 is accepted after a retest, 3,000 is reclaimed", CONSTRUCTIVE),
    "risk": Preset(
        "risk",
        "2,350 is lost, prices go on falling, forced selling is not exhausted", RISK),
}
