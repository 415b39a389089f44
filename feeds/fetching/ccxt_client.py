"""ccxt's knowledge of venues' public endpoints, over our own client.

ccxt builds the address and the parameters and reads the venue's errors; the request itself, with
its bounds, its pace and its patience, is :mod:`deleverage.feeds.fetching.http`'s. Answers are kept
as the venue gave them, not as ccxt's structures, so that the venue's own reader reads them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deleverage.errors import UsageError
from deleverage.feeds.fetching.answers import Answer, Unexpected
from deleverage.feeds.fetching.http import NEEDS, Client

_REFUSED = (400, 422)  # venues say what they do not like with one of these, and JSON


class Venue:
    """One exchange of ccxt, asked through ``client``."""

    def __init__(self, name: str, client: Client) -> None:
        try:
            import ccxt
        except ImportError:
            raise UsageError(NEEDS) from None
        self._errors = ccxt
        self._session = _Session(client)
        self._client = client
        self._exchange = getattr(ccxt, name)({"session": self._session, "enableRateLimit": False})

    def ask(self, method: str, parameters: Mapping[str, Any]) -> Answer:
        """The venue's answer to one of ccxt's implicit methods (``publicGetV5Market…``).

        Raises UsageError for a symbol that the venue does not know, Unexpected where it answers
        with another error.
        """
        errors = self._errors
        try:
            getattr(self._exchange, method)(dict(parameters))
        except errors.BadSymbol as error:
            raise UsageError(f"{self._exchange.id} does not know the symbol: {_words(error)}"
                             ) from None
        except (errors.RateLimitExceeded, errors.OnMaintenance,
                errors.ExchangeNotAvailable) as error:
            self._client.pause()
            raise self._unexpected(error) from None
        except errors.BaseError as error:
            raise self._unexpected(error) from None
        answer = self._session.last
        assert answer is not None
        return answer

    def _unexpected(self, error: Exception) -> Unexpected:
        answer = self._session.last
        where, body = (answer.url, answer.body) if answer else (self._exchange.id, b"")
        return Unexpected(f"{where}: {_words(error)}", body)


class _Session:
    """What ccxt uses of a session of requests."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.cookies: dict[str, str] = {}
        self.headers: dict[str, str] = {}
        self.last: Answer | None = None

    def request(self, method: str, url: str, data: Any = None,
                headers: Mapping[str, str] | None = None, **_: Any) -> _Response:
        self.last = None
        asked = {name: value for name, value in (headers or {}).items()
                 if name.lower() not in ("user-agent", "accept-encoding")}
        self.last = self._client.request(method, url, headers=asked, data=data, taking=_REFUSED)
        return _Response(self.last)

    def close(self) -> None:
        """Nothing of its own to close."""


class _Response:
    """What ccxt uses of a response of requests."""

    def __init__(self, answer: Answer) -> None:
        self.status_code, self.headers, self.content = answer.status, answer.headers, answer.body
        self.encoding, self.reason = "utf-8", ""
        self.text = answer.body.decode("utf-8", "replace")

    def raise_for_status(self) -> None:
        if self.status_code >= 400:
            from requests.exceptions import HTTPError

            raise HTTPError(str(self.status_code))


def _words(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
