"""Words to commands: names, reserved words, explicit forms, help at every level."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest

from mail_proxy.cli.grammar import Entry, Group, first_line, load
from mail_proxy.cli.tree import BEFORE_NAME, INSTANCE, ROOT, TENANT
from mail_proxy.config.environment import VARIABLES
from mail_proxy.config.instances import RESERVED
from mail_proxy.domain.errors import Invalid

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
    assert ran.err.endswith("  try: mail-proxy start myserver\n")
    assert cli("strat").err.endswith("  try: mail-proxy start --help\n")


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


@pytest.mark.parametrize(
    "line",
    [
        "my acme accounts",
        "my acme messages",
        "my tenants",
        "my tenants keys",
        "my config",
        "instance",
    ],
)
def test_a_noun_alone_tells_its_commands(cli, line) -> None:
    cli.instance("my")
    ran = cli(*line.split())
    assert (ran.code, ran.err) == (0, "")
    assert "Usage: mail-proxy" in ran.out
    assert ran.out == cli(*line.split(), "--help").out


def test_a_missing_argument_is_wrong_usage(cli) -> None:
    ran = cli("stop")
    assert ran.code == 2
    assert ran.err.splitlines() == [
        "error: missing argument 'NAME'.",
        "  try: mail-proxy list",
        "  try: mail-proxy stop --help",
    ]
    assert "mail-proxy list" not in cli("start").err


@pytest.mark.parametrize("verb", ["why", "show", "retry", "hold", "free", "delete", "resend"])
def test_a_missing_id_is_told_with_the_line_that_lists_them(cli, verb: str) -> None:
    cli.instance("my")
    ran = cli("my", "acme", "messages", verb)
    assert ran.code == 2
    assert ran.err.splitlines()[1:] == [
        "  try: mail-proxy my acme messages list",
        f"  try: mail-proxy my acme messages {verb} --help",
    ]


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
def test_help_is_there_at_every_level_also_for_names_that_are_not(cli, line: list[str]) -> None:
    ran = cli(*line)
    assert ran.code == 0
    assert "Usage: mail-proxy" in ran.out
    assert all(len(text) <= 100 for text in ran.out.splitlines())


def test_help_as_a_command_shows_the_same_pages_and_topics(cli) -> None:
    cli.instance("my")
    assert "Usage: mail-proxy start" in cli("help", "start").out
    assert "accounts add" in cli("help", "my", "acme", "accounts", "add").out
    assert " 130  interrupted" in cli("help", "exit-codes").out


def test_help_on_a_word_that_can_be_nothing_is_not_found(cli) -> None:
    ran = cli("help", "start", "x")
    assert ran.code == 4


def test_no_page_mentions_a_password_as_a_value(cli) -> None:
    page = cli("help", "accounts", "add").out
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


@pytest.mark.parametrize("more", [(), ("now",)])
@pytest.mark.parametrize("word", BEFORE_NAME)
def test_a_command_after_the_name_that_it_comes_before_is_told(
    cli, word: str, more: tuple[str, ...]
) -> None:
    cli.instance("my")
    ran = cli("my", word, *more)
    assert ran.code == 2
    assert ran.err.splitlines() == [
        f"error: '{word}' comes before the name of an instance",
        f"  try: mail-proxy {word} my",
    ]


def test_a_command_that_takes_no_name_is_told_after_one(cli) -> None:
    cli.instance("my")
    ran = cli("my", "version")
    assert ran.code == 2
    assert ran.err.splitlines() == [
        "error: 'version' comes without the name of an instance",
        "  try: mail-proxy version --help",
    ]


@pytest.mark.parametrize("entry", ROOT, ids=lambda entry: entry.name)
def test_the_words_before_a_name_are_those_that_take_one(entry: Entry) -> None:
    command = load(entry)
    assert command is not None
    first = next((p for p in command.params if p.param_type_name == "argument"), None)
    metavar = (first.metavar or "") if first is not None else ""
    name = "NAME" in metavar or "INSTANCE" in metavar
    assert (entry.name in BEFORE_NAME) == name


def test_a_tenant_that_is_called_like_a_command_is_no_mistake(cli) -> None:
    cli.instance("my").tenants["stop"] = {"id": "stop", "active": True}
    assert cli("my", "stop").code == 0
    assert "no command 'now'" in cli("my", "stop", "now").err


def test_a_word_that_is_kept_for_later_is_no_instance(cli) -> None:
    ran = cli("api")
    assert ran.code == 4
    assert "no instance or command named 'api'." in ran.err
    assert "start api" not in ran.err


@pytest.mark.parametrize("line", [("info",), ("acme", "messages", "list"), ("acme", "nonsense")])
def test_a_misspelled_instance_is_guessed_whatever_follows(cli, line: tuple[str, ...]) -> None:
    cli.instance("myserver")
    ran = cli("mysrver", *line)
    assert ran.code == 4
    assert "'mysrver'. Did you mean 'myserver'?" in ran.err
    assert "start mysrver" not in ran.err


def test_a_name_that_no_instance_can_have_comes_with_one_that_it_can(cli) -> None:
    ran = cli("status", "My_Server")
    assert ran.code == 4
    assert "  try: mail-proxy start myserver" in ran.err
    assert "as in my-server" in cli("My_Server", "info").err


def test_help_on_nonsense_is_not_the_help_of_an_instance(cli) -> None:
    ran = cli("help", "nonsense")
    assert (ran.code, ran.out) == (4, "")
    assert "'nonsense' is no command, no topic and no instance." in ran.err
    assert "Did you mean 'environment'?" in cli("help", "enviroment").err


def test_help_finds_commands_of_an_instance_and_of_a_tenant(cli) -> None:
    assert "Usage: mail-proxy NAME stats" in cli("help", "stats").out
    assert "Usage: mail-proxy NAME TENANT accounts add" in cli("help", "accounts", "add").out
    assert "Usage: mail-proxy NAME TENANT send" in cli("help", "NAME", "TENANT", "send").out


def test_the_explicit_forms_list_their_commands(cli) -> None:
    page = cli("help", "instance").out
    assert "  tenants " in page
    assert "\nMore: mail-proxy instance NAME COMMAND --help\n" in page
    page = cli("help", "tenant").out
    assert "  accounts " in page
    assert "\nMore: mail-proxy NAME tenant ID COMMAND --help\n" in page


@pytest.mark.parametrize("group", ["tenants", "messages", "accounts"])
def test_a_group_of_commands_has_examples(cli, group: str) -> None:
    assert f"Examples:\n  mail-proxy myserver {'' if group == 'tenants' else 'acme '}{group}" in (
        cli("help", group).out
    )


def test_pages_speak_of_numbers_and_texts_not_of_types(cli) -> None:
    page = cli("help", "messages", "list").out
    assert "--limit N" in page
    assert "0 or more" in page
    assert "<" not in page
    assert "--account TEXT" in page
    assert "{" not in cli("help", "send").out


def test_the_page_on_the_environment_names_every_variable(cli) -> None:
    page = cli("help", "environment").out
    for variable in VARIABLES:
        assert all(name in page for name in variable.names)
        assert variable.sentence.split()[0] in page
    assert "Default: 604800." in page
    assert "Default: 64." in page
    assert all(len(line) <= 100 for line in page.splitlines())


def test_help_is_json_on_demand(cli) -> None:
    cli.instance("my")
    for line in (("help", "start"), ("help", "output")):
        assert set(cli(*line, "--json").json) == {"ok", "help"}
    ran = cli("my", "acme", "send", "--help", "--json")
    assert ran.code == 0
    assert "Usage" in json.loads(ran.out)["help"]


def test_yes_says_what_it_does_not_answer(cli) -> None:
    assert "--confirm" in cli("help").out


def test_a_command_of_an_instance_after_a_tenant_says_where_it_belongs(cli) -> None:
    cli.instance("my")
    ran = cli("my", "acme", "stats")
    assert ran.code == 2
    assert ran.err.endswith("name of an instance\n  try: mail-proxy my stats\n")


@pytest.mark.parametrize(("tenants", "named"), [(["acme"], "acme"), (["acme", "beta"], "TENANT")])
def test_a_forgotten_tenant_is_told(cli, tenants, named) -> None:
    world = cli.instance("my")
    world.tenants = {each: {"id": each, "active": True} for each in tenants}
    ran = cli("my", "messages", "list")
    assert ran.code == 2
    why, command = ran.err.splitlines()
    assert why == "error: 'messages' comes after the id of a tenant"
    assert command == f"  try: mail-proxy my {named} messages list"


@pytest.mark.parametrize("line", [(), ("my",), ("my", "acme")])
def test_what_comes_first_fits_on_a_small_screen(cli, line, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    if line:
        cli.instance("my").tenants = {"acme": {"id": "acme", "active": True}}
    ran = cli(*line, tty=True)
    lines = (ran.out + ran.err).splitlines()
    assert len(lines) < 20
    assert all(len(each) <= 80 for each in lines)


def test_a_long_error_is_cut_between_words_on_a_terminal(cli, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    world = cli.instance("my")
    world.fails_with = Invalid("login refused: " + "authentication " * 9)
    said = cli("my", "info", tty=True, typed="").err.splitlines()
    assert all(len(each) <= 80 for each in said)
    assert all(each.endswith("authentication") for each in said[:2])
    assert len(cli("my", "info").err.splitlines()) == 1


def test_a_tenant_in_the_place_of_its_instance_is_told(cli) -> None:
    cli.instance("my")
    with closing(sqlite3.connect(cli.root / "my" / "mail_service.db")) as db, db:
        db.execute("CREATE TABLE tenants (tenant_id TEXT)")
        db.execute("INSERT INTO tenants VALUES ('acme')")
    ran = cli("acme", "messages", "list")
    assert ran.code == 4
    assert ran.err.splitlines() == [
        "error: 'acme' is a tenant of 'my', whose name comes first",
        "  try: mail-proxy my acme --help",
        "  try: mail-proxy use my/acme",
    ]
    assert "no instance or command named 'other'" in cli("other", "messages", "list").err
