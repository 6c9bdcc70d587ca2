"""`send`: mail files, and test mails."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from mail_proxy.cli.errors import CommandFailed
from mail_proxy.cli.mail_file import message_from

MAIL = (
    b"From: =?utf-8?q?J=C3=BCrgen?= <j@example.com>\r\n"
    b'To: "Last, First" <one@example.com>,\r\n two@example.com\r\n'
    b"Cc: three@example.com\r\nBcc: four@example.com\r\n"
    b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\r\nbody\r\n\r\nTo: not@this\r\n"
)


def test_a_mail_file_is_sent_as_it_is() -> None:
    message = message_from(MAIL, "x1")
    assert message["from"] == "Jürgen <j@example.com>"
    assert message["to"] == ["one@example.com", "two@example.com"]
    assert message["cc"] == ["three@example.com"]
    assert message["bcc"] == ["four@example.com"]
    assert message["subject"] == "Grüße"
    assert base64.b64decode(message["raw"]) == MAIL


@pytest.mark.parametrize("raw", [b"", b"hello", b"From: a@b\n\nx", b"To: a@b\n\nx"])
def test_a_file_that_is_no_mail_is_wrong_usage(raw: bytes) -> None:
    with pytest.raises(CommandFailed, match="has no"):
        message_from(raw, "x")


def test_send_queues_the_file(cli, tmp_path: Path) -> None:
    world = cli.instance("my")
    path = tmp_path / "hello.eml"
    path.write_bytes(MAIL)
    ran = cli("my", "acme", "send", str(path), "-a", "main", "-p", "high")
    assert ran.code == 0
    (message,) = world.last("addMessages")["messages"]
    assert (message["account_id"], message["priority"]) == ("main", "high")
    assert message["id"] in ran.out
    assert cli("my", "acme", "send", str(path), "-q").out.startswith("cli-")
    cli("my", "acme", "send", str(path), "-p", "0", "--id", "mine")
    (message,) = world.last("addMessages")["messages"]
    assert (message["id"], message["priority"]) == ("mine", 0)


def test_a_mail_that_is_not_taken_tells_why(cli, tmp_path: Path) -> None:
    world = cli.instance("my")
    world.accounts.clear()
    path = tmp_path / "hello.eml"
    path.write_bytes(MAIL)
    ran = cli("my", "acme", "send", str(path))
    assert ran.code == 1
    assert ran.err == (
        "error: the mail was not taken: missing account_id. 'acme' has no SMTP account yet\n"
        "  try: mail-proxy my acme accounts add\n"
    )


def test_send_says_when_nobody_will_send_it(cli, tmp_path: Path) -> None:
    cli.instance("my", running=False)
    path = tmp_path / "hello.eml"
    path.write_bytes(MAIL)
    ran = cli("my", "acme", "send", str(path))
    assert ran.code == 0
    assert "'my' is not running: mail-proxy start my" in ran.err


def queued(world: Any, **fields: Any) -> None:
    """What the queue knows of the mail `t` once it was looked at."""
    world.messages["t"] = {"id": "t", "status": "pending"} | fields


def test_a_test_mail_needs_no_file(cli) -> None:
    world = cli.instance("my")
    queued(world, status="sent")
    ran = cli("my", "acme", "send", "--to", "a@example.com", "--to", "b@example.com", "--id", "t")
    assert (ran.code, ran.out[:12]) == (0, "Sent as 't',")
    (message,) = world.last("addMessages")["messages"]
    assert message["to"] == ["a@example.com", "b@example.com"]
    assert "my" in message["subject"]


def test_a_test_mail_has_the_subject_and_the_text_of_the_line(cli) -> None:
    world = cli.instance("my")
    given = ("--subject", "Grüße", "--text", "It works.")
    assert cli("my", "acme", "send", "--to", "a@example.com", "--no-wait", *given).code == 0
    (message,) = world.last("addMessages")["messages"]
    assert (message["subject"], message["body"]) == ("Grüße", "It works.\n")


@pytest.mark.parametrize(
    ("option", "has"), [("--from", "From"), ("--subject", "Subject"), ("--text", "text")]
)
def test_a_mail_file_says_itself_what_a_test_mail_is_told(cli, mail: str, option, has) -> None:
    cli.instance("my")
    ran = cli("my", "acme", "send", mail, option, "a@example.com")
    assert ran.code == 2
    assert f"{option} is for a test mail: a mail file has its own {has}" in ran.err


@pytest.mark.parametrize(
    ("user", "given", "sender"),
    [
        ("ours@example.com", (), "ours@example.com"),
        ("login", (), "a@example.com"),
        ("ours@example.com", ("--from", "me@example.com"), "me@example.com"),
        ("ours@example.com", ("-a", "other"), "a@example.com"),
    ],
)
def test_a_test_mail_is_from_whom_the_server_lets_send(cli, user, given, sender) -> None:
    world = cli.instance("my")
    world.accounts = {("acme", "main"): {"id": "main", "tenant_id": "acme", "user": user}}
    cli("my", "acme", "send", "--to", "a@example.com", "--no-wait", *given)
    assert world.last("addMessages")["messages"][0]["from"] == sender


def test_of_several_accounts_a_test_mail_is_from_the_user_of_the_default(cli) -> None:
    world = cli.instance("my")
    world.accounts = {
        ("acme", id_): {"id": id_, "user": f"{id_}@example.com", "is_default": id_ == "second"}
        for id_ in ("first", "second", "third")
    }
    cli("my", "acme", "send", "--to", "a@example.com", "--no-wait")
    assert world.last("addMessages")["messages"][0]["from"] == "second@example.com"


def test_a_test_mail_that_failed_says_why(cli) -> None:
    queued(cli.instance("my"), status="error", error="550 no such user", do="mend the address")
    ran = cli("my", "acme", "send", "--to", "a@example.com", "--id", "t")
    assert (ran.code, ran.out) == (1, "'t' failed: 550 no such user\n")
    assert "Once mended: mend the address" in ran.err
    told = json.loads(cli("my", "acme", "send", "--to", "a@b.example", "--id", "t", "--json").out)
    assert (told["ok"], told["error"]) == (False, "550 no such user")


def test_a_test_mail_that_waits_says_why(cli) -> None:
    queued(cli.instance("my"), last_error="451 later", why="deferred: try 2 of 6, 451 later")
    ran = cli("my", "acme", "send", "--to", "a@example.com", "--id", "t")
    assert (ran.code, ran.out) == (8, "'t' was not sent yet: deferred: try 2 of 6, 451 later\n")


def test_a_test_mail_of_a_suspended_tenant_is_not_waited_for(cli) -> None:
    why = {"why": "its tenant is suspended", "why_code": "tenant_suspended"}
    world = cli.instance("my")
    queued(world, status="pending", **why, do="mail-proxy my acme activate")
    ran = cli("my", "acme", "send", "--to", "a@example.com", "--id", "t")
    assert (ran.code, ran.out) == (8, "'t' was not sent yet: its tenant is suspended\n")
    assert "mail-proxy my acme activate" in ran.err
    assert world.names().count("getMessage") == 1


def test_a_mail_file_can_be_waited_for(cli, tmp_path: Path) -> None:
    queued(cli.instance("my"), status="sent")
    path = tmp_path / "hello.eml"
    path.write_bytes(MAIL)
    assert "Sent as" in cli("my", "acme", "send", str(path), "--id", "t", "--wait").out
    assert "Queued as" in cli("my", "acme", "send", str(path), "--id", "t").out


@pytest.mark.parametrize(
    "line",
    [(), ("hello.eml", "--to", "a@example.com"), ("hello.eml", "--from", "a@example.com")],
)
def test_send_takes_a_file_or_addresses(cli, line) -> None:
    world = cli.instance("my")
    ran = cli("my", "acme", "send", *line)
    assert ran.code == 2
    assert "addMessages" not in world.names()


def sized(path: Path, n: int) -> str:
    """A mail of so many octets."""
    path.write_bytes(MAIL + b"x" * (n - len(MAIL)))
    return str(path)


def test_a_large_mail_is_sent_whole(cli, tmp_path: Path) -> None:
    world = cli.instance("my")
    world.settings = [{"name": "http.max_request_bytes", "value": 16 * 2**20}]
    path = sized(tmp_path / "large.eml", 10_000_000)
    assert cli("my", "acme", "send", path).code == 0
    (message,) = world.last("addMessages")["messages"]
    assert base64.b64decode(message["raw"]) == Path(path).read_bytes()


def test_a_mail_that_fits_into_no_request_names_the_setting(cli, tmp_path: Path) -> None:
    world = cli.instance("my")
    world.settings = [{"name": "http.max_request_bytes", "value": 4 * 2**20}]
    ran = cli("my", "acme", "send", sized(tmp_path / "large.eml", 3_200_000))
    assert ran.code == 1
    assert "large.eml is too large" in ran.err
    assert "GMP_MAX_REQUEST_MB is 4, so a mail may have 3.1 MB" in ran.err
    assert "  try: mail-proxy my config set max_request_mb=8\n" in ran.err
    assert "addMessages" not in world.names()


def test_a_file_that_is_not_there_is_wrong_usage_and_leads_to_a_test_mail(cli) -> None:
    cli.instance("my")
    ran = cli("my", "acme", "send", "/no/such.eml")
    told, hint, *_ = ran.err.splitlines()
    assert ran.code == 2
    assert "cannot read /no/such.eml: No such file" in told
    assert hint == "  try: mail-proxy my acme send --to you@example.com"


@pytest.fixture
def mail(tmp_path: Path) -> str:
    path = tmp_path / "hello.eml"
    path.write_bytes(MAIL)
    return str(path)


def test_several_accounts_and_none_the_default_asks_for_one(cli, mail: str) -> None:
    world = cli.instance("my")
    world.accounts["acme", "bulk"] = {"id": "bulk", "tenant_id": "acme"}
    ran = cli("my", "acme", "send", mail)
    assert ran.code == 2
    assert "missing account_id. None of bulk, main is the default: name one" in ran.err
    assert ran.err.endswith(f"  try: mail-proxy my acme send {mail} --account bulk\n")
    ran = cli("my", "acme", "send", "--to", "a@example.com")
    assert ran.err.endswith("  try: mail-proxy my acme send --to a@example.com --account bulk\n")


def test_an_account_that_is_not_there_is_not_found_with_the_near_ones(cli, mail: str) -> None:
    cli.instance("my")
    for line in (("send", mail), ("messages", "list")):
        ran = cli("my", "acme", *line, "--account", "mian")
        assert ran.code == 4
        assert "account 'mian' does not exist for tenant 'acme'. Did you mean 'main'?" in ran.err
        assert ran.err.endswith("  try: mail-proxy my acme accounts list\n")


@pytest.mark.parametrize("priority", ["foo", "7", "-1"])
def test_a_priority_that_is_none_is_wrong_usage(cli, mail: str, priority: str) -> None:
    world = cli.instance("my")
    ran = cli("my", "acme", "send", mail, f"--priority={priority}")
    assert ran.code == 2
    assert "immediate, high, medium, low" in ran.err
    assert "addMessages" not in world.names()


@pytest.mark.parametrize("what", [("{mail}",), ("--to", "a@example.com", "--no-wait")])
def test_a_mail_is_sent_in_a_batch(cli, mail: str, what: tuple[str, ...]) -> None:
    world = cli.instance("my")
    line = [part.format(mail=mail) for part in what]
    assert cli("my", "acme", "send", *line, "--batch", "may").code == 0
    assert world.last("addMessages")["messages"][0]["batch_code"] == "may"
    cli("my", "acme", "send", *line)
    assert "batch_code" not in world.last("addMessages")["messages"][0]


@pytest.mark.parametrize("code", ["", "*", "a,b", "x" * 65, "a\x1b[31m"])
def test_a_batch_code_that_is_none_is_wrong_usage(cli, mail: str, code: str) -> None:
    world = cli.instance("my")
    ran = cli("my", "acme", "send", mail, "--batch", code)
    assert ran.code == 2
    assert ran.err.startswith("error: --batch: batch_code ")
    assert "addMessages" not in world.names()
