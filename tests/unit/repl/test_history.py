"""What is remembered of what was typed."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from mail_proxy.repl.history import KEPT_BYTES, PrivateHistory, holds_secret


@pytest.mark.parametrize(
    "line",
    [
        "proxy.accounts.add(id='a', password='x')",
        'x = {"PassWord": "x"}',
        "c = MailProxyClient(url, token='x')",
        "secret = 'x'",
        "api_key='x'",
        "c = MailProxyClient(url, 'mp_AbCdEfGhIjKlMnOpQrSt')",
        "proxy.call('x', storage_url='s3://key:word@bucket')",
        "proxy.accounts.add(oauth2={'refresh_token': 'x'})",
    ],
)
def test_a_line_that_may_hold_a_secret_is_not_written(tmp_path: Path, line: str) -> None:
    assert holds_secret(line)
    history = PrivateHistory(tmp_path / "history")
    history.append_string(line)
    history.append_string("proxy.stats()")
    assert history.get_strings() == [line, "proxy.stats()"]  # of this session, all
    assert "+proxy.stats()" in (tmp_path / "history").read_text()
    assert line not in (tmp_path / "history").read_text()


@pytest.mark.parametrize(
    "line", ["proxy.messages.list()", "new_account()", "proxy.tenants['acme']", "http://a/b"]
)
def test_other_lines_are_kept(line: str) -> None:
    assert not holds_secret(line)


def test_the_file_is_its_owners_alone_also_when_it_was_not(tmp_path: Path) -> None:
    path = tmp_path / "history"
    path.touch(mode=0o644)
    PrivateHistory(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_link_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "history").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError):
        PrivateHistory(tmp_path / "history")
    assert not (tmp_path / "elsewhere").exists()


def test_a_secret_that_an_older_file_has_does_not_come_back(tmp_path: Path) -> None:
    (tmp_path / "history").write_text("\n# t\n+password='x'\n\n# t\n+proxy.stats()\n")
    assert list(PrivateHistory(tmp_path / "history").load_history_strings()) == ["proxy.stats()"]


def test_a_large_file_loses_its_older_half(tmp_path: Path) -> None:
    path = tmp_path / "history"
    path.write_text("".join(f"\n# t\n+call({at})\n" for at in range(80_000)))
    strings = list(PrivateHistory(path).load_history_strings())
    assert path.stat().st_size <= KEPT_BYTES // 2
    assert strings[0] == "call(79999)"
    assert all(text.startswith("call(") for text in strings)
