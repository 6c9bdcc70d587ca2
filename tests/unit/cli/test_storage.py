from __future__ import annotations

GOOD = [{"name": name, "ok": True, "seconds": 0.012} for name in ("write", "link", "read")]
BAD = {"name": "delete", "ok": False, "seconds": 1.5, "error": "access is \x1b[31mdenied"}


def test_each_step_is_told(cli) -> None:
    cli.instance("my").steps = GOOD
    ran = cli("my", "acme", "storage", "test", tty=True)
    assert ran.code == 0
    assert "write    ok          12 ms  a small file was written" in ran.out
    assert "read     ok" in ran.out


def test_a_failed_step_is_the_error(cli) -> None:
    cli.instance("my").steps = [*GOOD, BAD]
    ran = cli("my", "acme", "storage", "test", tty=True)
    assert ran.code == 1
    assert "delete   FAILED    1500 ms" in ran.out
    assert "delete: access is" in ran.err
    assert "\x1b[31m" not in ran.out + ran.err


def test_for_programs_it_is_one_document(cli) -> None:
    cli.instance("my").steps = [*GOOD, BAD]
    ran = cli("my", "acme", "storage", "test", "--json")
    assert ran.code == 1
    assert ran.json["works"] is False
    assert [step["name"] for step in ran.json["steps"]] == ["write", "link", "read", "delete"]


def test_an_absent_tenant_is_not_found(cli) -> None:
    cli.instance("my")
    assert cli("my", "nobody", "storage", "test").code == 4
