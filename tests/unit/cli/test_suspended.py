"""A queue that does not move because somebody wanted it so says so, and how to let it go on."""

from __future__ import annotations

import pytest

from mail_proxy.domain.errors import NotRunning

ALL = "All sending of 'my' is suspended. Let it go on: mail-proxy my activate"


@pytest.mark.parametrize("line", [("my",), ("my", "acme"), ("my", "stats"), ("my", "acme", "info")])
def test_a_suspended_instance_is_told_everywhere_with_the_right_command(
    cli, line: tuple[str, ...]
) -> None:
    world = cli.instance("my")
    assert "suspended." not in cli(*line, tty=True).out
    world.is_suspended = True
    assert ALL in cli(*line, tty=True).out.splitlines()


@pytest.mark.parametrize("line", [("my", "acme"), ("my", "acme", "info")])
def test_a_suspended_tenant_or_batch_is_told(cli, line: tuple[str, ...]) -> None:
    world = cli.instance("my")
    world.tenants["acme"]["suspended_batches"] = "*"
    assert "'acme' is suspended. Let it go on: mail-proxy my acme activate" in (
        cli(*line, tty=True).out.splitlines()
    )
    world.tenants["acme"]["suspended_batches"] = "news,more"
    assert "Suspended batches: news, more. " in cli(*line, tty=True).out
    world.tenants["acme"] |= {"active": False, "suspended_batches": None}
    assert "tenants update acme --active" in cli(*line, tty=True).out


@pytest.mark.parametrize("line", [("my",), ("my", "stats")])
def test_an_instance_tells_of_mail_that_waits_for_suspended_tenants(
    cli, make_message, line: tuple[str, ...]
) -> None:
    world = cli.instance("my")
    world.messages["m1"] = make_message(state="suspended")
    assert "1 message waits for a suspended tenant or batch." in cli(*line, tty=True).out


def test_what_was_not_suspended_is_activated_in_peace(cli) -> None:
    cli.instance("my")
    ran = cli("my", "acme", "activate", "--batch", "nope")
    assert ran.code == 0
    assert ran.out == "Batch 'nope' of 'acme' was not suspended; 3 messages wait\n"
    assert "'my' was not suspended" in cli("my", "activate").out
    cli("my", "acme", "suspend", "--batch", "news", "-y")
    ran = cli("my", "acme", "activate", "--batch", "news")
    assert ran.out == "Activated batch 'news' of 'acme'; 3 messages wait\n"


def test_an_activated_tenant_of_a_suspended_instance_is_told_that_it_still_waits(cli) -> None:
    cli.instance("my").is_suspended = True
    assert ALL in cli("my", "acme", "activate").err


def test_a_list_of_instances_shows_which_is_suspended(cli) -> None:
    cli.instance("a")
    cli.instance("b").is_suspended = True
    cli.instance("c", running=False)
    told = {entry["name"]: entry["suspended"] for entry in cli("list", "--json").json}
    assert told == {"a": False, "b": True, "c": None}
    assert "suspended" in cli("list", tty=True).out
    cli.doors.worlds["b"].fails_with = NotRunning("gone")
    assert cli("list").code == 0


@pytest.mark.parametrize("line", [("my",), ("my", "acme")])
def test_an_account_that_sends_nothing_is_told_with_what_helps(cli, line: tuple[str, ...]) -> None:
    account = {"tenant_id": "acme", "account_id": "main", "paused_by": "fault"}
    told = {
        "paused_reason": "login refused: 535 no",
        "do": "mail-proxy my acme accounts check main",
    }
    cli.instance("my").paused = [account | told]
    lines = cli(*line, tty=True).out.splitlines()
    assert "Account 'main' of 'acme' sends nothing now: login refused: 535 no" in lines
    assert "  mail-proxy my acme accounts check main" in lines


def test_of_many_paused_accounts_a_few_are_named_and_the_rest_counted(cli) -> None:
    cli.instance("my").paused = [
        {
            "tenant_id": "acme",
            "account_id": f"a{n}",
            "do": f"mail-proxy my acme accounts resume a{n}",
        }
        for n in range(5)
    ]
    out = cli("my", tty=True).out
    assert out.count("accounts resume") == 3
    assert "2 more accounts send nothing now: mail-proxy my stats" in out


def test_a_suspended_tenant_is_not_called_active(cli) -> None:
    cli.instance("my").tenants["acme"]["suspended_batches"] = "*"
    out = cli("my", "acme", tty=True).out
    assert "'acme' is suspended" in out
    assert "'acme' is active" not in out


def test_suspending_tells_how_to_go_on(cli) -> None:
    cli.instance("my")
    assert "  mail-proxy my acme activate\n" in cli("my", "acme", "suspend", "-y").err
    ran = cli("my", "acme", "suspend", "-y", "--batch", "a b")
    assert "  mail-proxy my acme activate --batch 'a b'\n" in ran.err
