"""A daemon elsewhere: its token, and what is not here."""

from __future__ import annotations

from pathlib import Path

import pytest

from mail_proxy.domain.errors import Conflict, NotRunning, Unauthorized
from mail_proxy_tui.board import Board
from mail_proxy_tui.draw.notices import down_lines
from mail_proxy_tui.feed.link import Link
from mail_proxy_tui.remote_sources import RemoteSources

URL = "http://192.0.2.1:8000"


def token_of(sources: RemoteSources) -> str:
    feed = sources.live()
    return feed._control._client.headers["X-API-Token"]  # type: ignore[attr-defined]


def test_a_token_that_was_changed_is_read_again_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    sources = RemoteSources(URL, "mp_old", file)
    file.write_text("mp_new\n")
    assert [token_of(sources), token_of(sources)] == ["mp_old", "mp_new"]


def test_without_a_file_the_token_stays() -> None:
    sources = RemoteSources(URL, "mp_old")
    assert [token_of(sources), token_of(sources)] == ["mp_old", "mp_old"]


def test_it_has_neither_a_database_nor_a_log_nor_a_start() -> None:
    sources = RemoteSources(URL, "mp_old")
    assert (sources.resting(), sources.last_words()) == (None, "")
    with pytest.raises(Conflict):
        sources.start()


def test_what_is_told_of_it_can_be_done_from_here() -> None:
    board = Board("far", url=URL, link=Link().lost(0.0, NotRunning("nobody listens")))
    told = "\n".join(line.plain for line in down_lines(board, 80))
    assert URL in told
    assert "Start it" not in told
    board.link = Link().lost(0.0, Unauthorized("the token is not valid"))
    told = "\n".join(line.plain for line in down_lines(board, 80))
    assert "Run there: mail-proxy far token" in told
