"""`top`: which dashboard is opened, and when none is."""

from __future__ import annotations

import pytest


def test_without_a_terminal_it_names_the_way_to_get_text(cli) -> None:
    cli.instance("my")
    ran = cli("my", "top")
    assert ran.code == 2
    assert "error: top needs a terminal" in ran.err
    assert "try: mail-proxy my top --once" in ran.err


@pytest.mark.parametrize("word", ["top", "dashboard", "ui"])
def test_one_frame_needs_no_terminal(cli, word: str) -> None:
    cli.instance("my")
    assert cli("my", word, "--once", "--tenant", "acme", "--ascii").code == 0
    instance, watch = cli.faces.opened[-1]
    assert instance.name == "my"
    assert (watch.once, watch.tenant_id, watch.ascii) == (True, "acme", True)
    assert watch.interval_s == 1


def test_an_interval_is_one_of_those_that_the_keys_choose(cli) -> None:
    cli.instance("my")
    assert cli("my", "top", "--once", "--interval", "3").code == 2
    assert cli("my", "top", "--once", "--interval", "5").code == 0


def test_an_instance_that_there_is_not_is_told_before_a_screen_opens(cli) -> None:
    assert cli("nobody", "top", "--once").code == 4
    assert cli.faces.opened == []


def test_its_exit_code_is_ours(cli) -> None:
    cli.instance("my")
    cli.faces.code = 143
    assert cli("my", "top", "--once").code == 143


def test_a_daemon_elsewhere_needs_no_instance_here_but_a_token(cli, tmp_path) -> None:
    (tmp_path / "token").write_text("mp_secret\n")
    elsewhere = ("--url", "http://192.0.2.1:8000")
    assert cli("far", "top", "--once", *elsewhere).code == 2
    file = str(tmp_path / "token")
    assert cli("far", "top", "--once", *elsewhere, "--token-file", file).code == 0
    instance, watch = cli.faces.opened[-1]
    assert instance.name == "far"
    assert (watch.url, watch.token, watch.token_file) == (elsewhere[1], "mp_secret", file)
    assert "mp_secret" not in repr(watch)
