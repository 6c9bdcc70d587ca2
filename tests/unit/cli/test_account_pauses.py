from __future__ import annotations


def test_an_account_is_paused_with_a_reason_and_resumed(cli) -> None:
    world = cli.instance("my")
    world.accounts["acme", "main"] = {"id": "main", "host": "h", "port": 25}
    ran = cli("my", "acme", "accounts", "pause", "main", "--reason", "moving")
    assert world.last("pauseAccount")["reason"] == "moving"
    assert "Paused account 'main' of 'acme'; its mail waits" in ran.out
    assert "mail-proxy my acme accounts resume main" in ran.err
    assert "person" in cli("my", "acme", "accounts", "list").out
    assert "sends again" in cli("my", "acme", "accounts", "resume", "main").out
    assert "was not paused" in cli("my", "acme", "accounts", "resume", "main").out


def test_only_one_that_is_there_is_paused(cli) -> None:
    world = cli.instance("my")
    assert cli("my", "acme", "accounts", "pause", "nobody").code == 4
    assert cli("my", "acme", "accounts", "pause", "nobody", "--dry-run").code == 4
    world.accounts["acme", "main"] = {"id": "main"}
    assert cli("my", "acme", "accounts", "pause", "main", "--dry-run").code == 0
    assert world.names().count("pauseAccount") == 1


def test_a_check_that_works_tells_how_a_pause_is_ended(cli) -> None:
    world = cli.instance("my")
    account = world.accounts["acme", "main"] = {"id": "main", "paused_by": "fault"}
    world.report = {"host": "h", "port": 25, "failed_stage": None}
    line = ("my", "acme", "accounts", "check", "main")
    assert "mail-proxy my acme accounts resume main" in cli(*line).err
    account["paused_by"] = "limit"
    assert "resume" not in cli(*line).err


def test_an_account_at_its_limit_tells_how_to_raise_it(cli) -> None:
    world = cli.instance("my")
    (account,) = world.accounts.values()
    account["limits"] = [
        {"window": "minute", "used": 3, "limit": 3},
        {"window": "day", "used": 3, "limit": 100},
    ]
    hint = "More a minute: mail-proxy my acme accounts update main --limit-minute N\n"
    assert hint not in cli("my", "acme", "accounts", "show", "main").err
    account["paused_by"] = "limit"
    assert hint == cli("my", "acme", "accounts", "show", "main").err
