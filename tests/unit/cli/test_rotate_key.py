from __future__ import annotations


def test_the_key_is_replaced_after_a_yes(cli) -> None:
    world = cli.instance("my")
    assert cli("my", "rotate-key", typed="n\n").code != 0
    assert cli("my", "rotate-key", "--dry-run").code == 0
    assert "rotateKey" not in world.names()
    ran = cli("my", "rotate-key", "--yes")
    assert ran.code == 0
    assert "'my' has a new encryption key" in ran.out
    assert "secret.key together" in ran.err


def test_stats_say_that_secrets_cannot_be_read(cli, monkeypatch) -> None:
    world = cli.instance("my")
    told = {**world._getStats(), "secrets_problem": "the encryption key is lost"}
    monkeypatch.setattr(type(world), "_getStats", lambda _self, **_fields: told)
    ran = cli("my", "stats", tty=True)
    assert "the encryption key is lost. Nothing is deleted" in ran.err
    assert "mail-proxy restart my" in ran.err


def test_a_lost_key_is_given_up_after_the_name_was_typed(cli) -> None:
    world = cli.instance("my")
    assert cli("my", "rotate-key", "--lost", "--yes").code != 0
    assert "rotateKey" not in world.names()
    assert cli("my", "rotate-key", "--lost", "--confirm", "my").code == 0
    assert world.last("rotateKey") == {"lost": True}
