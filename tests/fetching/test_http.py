"""The client: how long it waits, what it makes of servers' ways to fail."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from deleverage.errors import UsageError
from deleverage.feeds.fetching.answers import Absent, Unexpected, Unreachable
from deleverage.feeds.fetching.http import MIRROR, Client, Patience
from deleverage.feeds.fetching.keys import needed_key
from tests.fetching.conftest import HASTE, Serve, hasty
from tests.fetching.loopback import NOW, Asked, Reply

URL = "https://vendor.example/data"


class Clock:
    """Time that passes only where somebody sleeps."""

    def __init__(self) -> None:
        self.now, self.slept = 0.0, list[float]()

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.slept.append(seconds)
        self.now += seconds


def _sized(asked: Asked) -> Reply:
    return Reply(bytes(range(256)) * 400, 200, {"ETag": '"one"'})


def test_each_host_has_its_own_pace() -> None:
    """Requests to one host keep their distance, another host's do not wait for them."""
    clock = Clock()
    client = Client({"a": 1.5}, mirror=None, sleep=clock.sleep, clock=lambda: clock.now)
    for host in ("a", "b", "a", "b", "a"):
        client._paced(host)
    assert clock.slept == [1.5, 1.5]


def test_waits_double_up_to_a_bound_and_are_drawn() -> None:
    """Each wait lies between half of its bound and the bound."""
    client = Client(patience=Patience(first_wait=1.0, longest_wait=5.0))
    for attempt, bound in enumerate((1.0, 2.0, 4.0, 5.0, 5.0), start=1):
        drawn = {client._backoff(attempt) for _ in range(50)}
        assert bound / 2 <= min(drawn) <= max(drawn) <= bound
        assert len(drawn) > 1


def test_retry_after_is_obeyed_as_it_is_meant(serve: Serve) -> None:
    """Seconds as they stand; a date counts by the server's clock, which is days off ours."""
    for value, wait in (("3", 3.0), ("Sat, 26 Sep 2026 10:12:00 GMT", 2.0)):
        replies = [Reply(b"", 429, {"Retry-After": value}), Reply(b"{}")]
        now = parsedate_to_datetime("Sat, 26 Sep 2026 10:11:58 GMT").timestamp()
        serve(lambda asked, replies=replies: replies.pop(0), skew=now - NOW)
        clock = Clock()
        client = Client(patience=HASTE, sleep=clock.sleep)
        assert client.get(URL).body == b"{}"
        client.close()
        assert clock.slept == [wait]


def test_a_server_that_asks_for_an_hour_ends_the_fetch(serve: Serve) -> None:
    """A wait beyond the bound is told, not waited."""
    serve(lambda asked: Reply(b"", 429, {"Retry-After": "3600"}))
    client = hasty()
    with pytest.raises(Unreachable, match=r"HTTP 429, asks to wait 3,600 s"):
        client.get(URL)
    client.close()
    assert client.requests == 1


def test_tries_end(serve: Serve) -> None:
    """A server that stays down is asked six times."""
    serve(lambda asked: Reply(b"", 503))
    client = hasty()
    with pytest.raises(Unreachable, match=r"vendor.example/data: HTTP 503 \(6 tries\)"):
        client.get(URL)
    client.close()


def test_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a network the wait is bounded, and one line says whom it could not reach."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv(MIRROR, "http://127.0.0.1:9")
    client = hasty()
    with pytest.raises(Unreachable, match=r"vendor.example/data: connection refused \(6 tries\)"):
        client.get(URL)
    client.close()


def test_an_answer_that_trickles_is_given_up(serve: Serve) -> None:
    """Silence within an answer is bounded."""
    serve(_sized, dict.fromkeys(range(6), "slow"))
    client = hasty()
    with pytest.raises(Unreachable, match=r"6 tries"):
        client.get(URL)
    client.close()


def test_too_much(serve: Serve) -> None:
    """An answer larger than allowed is not taken."""
    serve(_sized)
    client = hasty()
    with pytest.raises(Unexpected, match="more than 1,000 bytes"):
        client.get(URL, limit=1000)
    client.close()


@pytest.mark.parametrize(("reply", "words"), [
    (Reply(b"<!doctype html>\n<title>Sign in</title>"), "a page of HTML instead of data"),
    (Reply(b"  <HTML><body>", 200), "a page of HTML instead of data"),
    (Reply(b"", 302, {"Location": "https://portal.example/login"}), "points to portal.example"),
    (Reply(b"no", 403), "HTTP 403, refused"), (Reply(b"", 451), "not served to where you are"),
    (Reply(b"?", 418 + 2), "HTTP 420"),
])
def test_answers_that_are_no_data(reply: Reply, words: str, serve: Serve) -> None:
    """Proxies, sign-in pages and refusals are named; redirects are not followed."""
    loopback = serve(lambda asked: reply)
    client = hasty()
    with pytest.raises(Unexpected, match=words):
        client.get(URL)
    client.close()
    assert len(loopback.asked) == 1


def test_absent(serve: Serve) -> None:
    """404 is an answer of its own."""
    serve(lambda asked: Reply(b"", 404))
    client = hasty()
    with pytest.raises(Absent):
        client.get(URL)
    client.close()


def test_a_download_goes_on_where_it_was_cut(serve: Serve, tmp_path: Path) -> None:
    """With an ETag the rest alone is asked for, also by another process later."""
    loopback = serve(_sized, {0: "cut", 1: "cut"})
    client = hasty()
    client.download(URL, tmp_path / "file")
    client.close()
    assert (tmp_path / "file").read_bytes() == _sized(loopback.asked[0]).body
    begins = [asked.headers.get("Range") for asked in loopback.asked]
    assert begins[0] is None
    assert begins[1] == "bytes=51200-"
    assert len(loopback.asked) == 3
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_another_file_under_the_same_name_is_begun_again(serve: Serve, tmp_path: Path) -> None:
    """A part whose ETag is no longer the server's does not become half of two files."""
    replies = [Reply(b"a" * 1000, 200, {"ETag": '"a"'}), Reply(b"b" * 1000, 200, {"ETag": '"b"'}),
               Reply(b"b" * 1000, 200, {"ETag": '"b"'})]
    serve(lambda asked: replies.pop(0), {0: "cut"})
    client = hasty()
    client.download(URL, tmp_path / "file")
    client.close()
    assert (tmp_path / "file").read_bytes() == b"b" * 1000


def test_packed_on_the_way(serve: Serve, tmp_path: Path) -> None:
    """Content-Encoding gzip is undone, also where a download did not ask for it."""
    serve(_sized, {0: "gzip", 1: "gzip"})
    client = hasty()
    assert client.get(URL).body == bytes(range(256)) * 400
    client.download(URL, tmp_path / "file")
    client.close()
    assert (tmp_path / "file").read_bytes() == bytes(range(256)) * 400


def test_a_key_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says which variable to set."""
    monkeypatch.delenv("SOME_KEY", raising=False)
    with pytest.raises(UsageError, match="set the environment variable SOME_KEY"):
        needed_key("SOME_KEY", "the vendor needs one")


def test_keys_are_cut_out_of_what_is_said(serve: Serve) -> None:
    """Neither the address nor the body of an error shows a key."""
    serve(lambda asked: Reply(b"bad key s3cret", 401))
    client = hasty(("s3cret",))
    with pytest.raises(Unexpected) as caught:
        client.get(f"{URL}?k=s3cret")
    client.close()
    assert "s3cret" not in str(caught.value)
    assert b"s3cret" not in caught.value.body
