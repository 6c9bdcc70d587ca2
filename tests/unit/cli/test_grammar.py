"""Words to commands: names, reserved words, explicit forms, help at every level."""

from __future__ import annotations

import pytest

from mail_proxy.cli.grammar import Entry, Group, first_line, load
from mail_proxy.cli.tree import INSTANCE, ROOT, TENANT
from mail_proxy.config.instances import RESERVED

LEVELS = (ROOT, INSTANCE, TENANT)


@pytest.mark.parametrize("entry", [e for level in LEVELS for e in level], ids=lambda e: e.name)
def test_every_entry_of_the_tables_is_a_command_that_says_the_same(entry: Entry) -> None:
    command = load(entry)
    assert command is not None
    if isinstance(command, Group):
        assert command.commands or entry.module.startswith("explicit")
    else:
        assert first_line(command.help).startswith(entry.help)


def test_every_word_of_the_tables_is_reserved() -> None:
    words = {entry.name for level in LEVELS for entry in level}
    assert words <= RESERVED


def test_a_name_may_come_first_and_a_tenant_second(cli) -> None:
    cli.instance("my")
    assert cli("my", "acme", "accounts", "list").code == 0
    assert cli.doors.worlds["my"].last("listAccounts") == {"tenant_id": "acme"}


def test_a_reserved_word_wins_and_the_explicit_form_reaches_the_tenant(cli) -> None:
    world = cli.instance("my")
    world.tenants["stats"] = {"id": "stats", "active": True}
    assert cli("my", "stats", "--json").code == 0
    assert "getTenant" not in world.names()
    assert cli("my", "tenant", "stats", "info", "--json").code == 0
    assert world.last("getTenant") == {"tenant_id": "stats"}


def test_the_explicit_form_names_an_instance(cli) -> None:
    cli.instance("my")
    assert cli("instance", "my", "acme", "messages", "list").code == 0


def test_a_typo_of_a_command_is_guessed(cli) -> None:
    cli.instance("myserver")
    ran = cli("strat", "myserver")
    assert ran.code == 4
    assert "no instance or command named 'strat'. Similar: start" in ran.err


def test_a_typo_of_an_instance_is_guessed(cli) -> None:
    cli.instance("myserver")
    ran = cli("myservr", "info")
    assert ran.code == 4
    assert "Did you mean 'myserver'?" in ran.err
    assert "  try: mail-proxy list" in ran.err
    assert ran.out == ""


def test_a_typo_of_a_tenant_is_guessed(cli) -> None:
    world = cli.instance("my")
    world.tenants["acme-eu"] = {"id": "acme-eu", "active": True}
    ran = cli("my", "acmee", "info")
    assert ran.code == 4
    assert "tenant 'acmee' does not exist on 'my'. Similar: acme, acme-eu" in ran.err
    assert "  try: mail-proxy my tenants list" in ran.err


def test_a_word_that_can_be_no_name_is_wrong_usage(cli) -> None:
    ran = cli("What?!")
    assert ran.code == 2
    assert ran.err.startswith("error: no command 'What?!'.")


def test_an_unknown_command_of_a_tenant_is_wrong_usage(cli) -> None:
    cli.instance("my")
    ran = cli("my", "acme", "acounts")
    assert ran.code == 2
    assert "Did you mean 'accounts'?" in ran.err


def test_an_instance_level_typo_is_not_blamed_on_a_tenant(cli) -> None:
    cli.instance("my")
    ran = cli("my", "tenant", "acme", "lst")
    assert ran.code == 2
    ran = cli("my", "tennants", "list")
    assert ran.code == 2
    assert "Similar: tenants, tenant" in ran.err


def test_an_option_that_is_not_there_is_wrong_usage(cli) -> None:
    ran = cli("list", "--frobnicate")
    assert ran.code == 2
    assert ran.err == "error: no such option: --frobnicate.\n  try: mail-proxy list --help\n"


def test_a_missing_argument_is_wrong_usage(cli) -> None:
    ran = cli("stop")
    assert ran.code == 2
    assert "missing argument 'NAME'" in ran.err


@pytest.mark.parametrize(
    "line",
    [
        ["--help"],
        ["-h"],
        ["start", "-h"],
        ["nosuch", "--help"],
        ["nosuch", "info", "-h"],
        ["nosuch", "tenants", "-h"],
        ["nosuch", "tenants", "add", "-h"],
        ["nosuch", "nobody", "--help"],
        ["nosuch", "nobody", "accounts", "-h"],
        ["nosuch", "nobody", "accounts", "add", "-h"],
        ["instance", "-h"],
        ["instance", "nosuch", "-h"],
        ["nosuch", "tenant", "x", "-h"],
    ],
    ids=" ".join,
)
def test_help_is_there_at_every_level_also_for_names_that_are_not(
    cli, line: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli(*line).code == 0
    shown = capsys.readouterr().out
    assert "Usage: mail-proxy" in shown
    assert all(len(text) <= 100 for text in shown.splitlines())


def test_help_as_a_command_shows_the_same_pages_and_topics(cli) -> None:
    assert "Usage: mail-proxy start" in cli("help", "start").out
    assert "accounts add" in cli("help", "my", "acme", "accounts", "add").out
    assert " 130  interrupted" in cli("help", "exit-codes").out


def test_help_on_a_word_that_can_be_nothing_is_not_found(cli) -> None:
    ran = cli("help", "start", "x")
    assert ran.code == 4


def test_no_page_mentions_a_password_as_a_value(cli) -> None:
    page = cli("help", "my", "acme", "accounts", "add").out
    assert "--password-file" in page
    assert "--password " not in page


def test_a_command_of_an_instance_without_one_says_where_it_belongs(cli) -> None:
    cli.instance("my")
    ran = cli("logs")
    assert ran.code == 2
    assert (
        ran.err == "error: 'logs' comes after the name of an instance\n  try: mail-proxy my logs\n"
    )


def test_a_command_of_a_tenant_without_one_says_where_it_belongs(cli) -> None:
    cli.instance("my")
    ran = cli("my", "send")
    assert ran.code == 2
    assert "'send' comes after the id of a tenant\n  try: mail-proxy my TENANT send" in ran.err


def test_a_word_that_is_kept_for_later_is_no_instance(cli) -> None:
    ran = cli("doctor")
    assert ran.code == 4
    assert "no instance or command named 'doctor'." in ran.err
    assert "start doctor" not in ran.err
