"""`use`, `current`, GMP_INSTANCE and GMP_TENANT: what lines without a name are about."""

from __future__ import annotations

import pytest


@pytest.fixture
def world(cli):
    return cli.instance("my")


def test_a_choice_counts_for_lines_that_name_nothing(cli, world) -> None:
    assert cli("use", "my/acme").code == 0
    assert (cli.root / ".current").read_text() == "my/acme\n"
    assert (cli.root / ".current").stat().st_mode & 0o777 == 0o600
    ran = cli("accounts", "list", "--json")
    assert [account["id"] for account in ran.json] == ["main"]
    assert cli("token").out == "mp_first\n"


def test_words_that_are_there_win(cli, world) -> None:
    other = cli.instance("other")
    other.token = "mp_of_the_other"
    cli("use", "my/acme")
    assert cli("other", "token").out == "mp_of_the_other\n"
    assert cli("my", "acme", "info").code == 0


def test_the_narrower_of_two_is_meant(cli, world) -> None:
    cli("use", "my/acme")
    cli("suspend", "--yes")
    assert world.last("suspend")["tenant_id"] == "acme"


def test_another_tenant_of_the_same_instance_is_chosen_by_it_alone(cli, world) -> None:
    world.tenants["bravo"] = {"id": "bravo", "active": True}
    cli("use", "my/acme")
    assert cli("use", "/bravo").code == 0
    assert cli("current").out == "my/bravo\n"


def test_the_environment_wins_over_the_choice(cli, world) -> None:
    other = cli.instance("other")
    other.token = "mp_of_the_other"
    cli("use", "my/acme")
    cli.environ["GMP_INSTANCE"] = "other"
    assert cli("token").out == "mp_of_the_other\n"
    assert cli("current", "--json").json == {
        "ok": True,
        "instance": "other",
        "tenant": None,
        "source": "GMP_INSTANCE",
    }
    cli.environ["GMP_TENANT"] = "zeta"
    assert cli("current", "--export").out == ("export GMP_INSTANCE=other\nexport GMP_TENANT=zeta\n")


@pytest.mark.parametrize("name", ["GMP_INSTANCE", "GMP_TENANT"])
def test_a_variable_that_can_be_no_name_is_told(cli, world, name: str) -> None:
    cli("use", "my")
    cli.environ[name] = "a; rm"
    ran = cli("stats")
    assert ran.code != 0
    assert f"unset {name}" in ran.err


def test_what_is_not_there_cannot_be_chosen(cli, world) -> None:
    assert cli("use", "mi").code == 4
    assert cli("use", "my/nobody").code == 4
    assert cli("use").code == 2
    assert cli("use", "/acme").code == 2
    assert not (cli.root / ".current").exists()


def test_a_choice_can_be_taken_back(cli, world) -> None:
    cli("use", "my")
    assert cli("use", "--none").code == 0
    assert cli("current").code == 4
    assert "comes after the name of an instance" in cli("stats").err


def test_a_tenants_command_needs_a_tenant(cli, world) -> None:
    cli("use", "my")
    ran = cli("messages", "list")
    assert ran.code == 2
    assert "mail-proxy use my/TENANT" in ran.err


def test_a_file_that_says_nothing_is_no_choice(cli, world) -> None:
    (cli.root / ".current").write_text("../../etc\n")
    assert cli("current").code == 4


def test_a_person_is_told_what_the_line_is_about(cli, world) -> None:
    cli("use", "my")
    assert "about my, by mail-proxy use" in cli("token", typed="").err
    assert "about" not in cli("token").err
