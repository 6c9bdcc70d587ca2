"""Text of an enemy at the Python prompt: drawn, told, asked, offered."""

from __future__ import annotations

from typing import Any

import pytest
from rich.cells import cell_len

from mail_proxy.domain.errors import MailProxyError, RejectedBatch
from mail_proxy.repl import running, speech
from mail_proxy.repl.banner import banner
from mail_proxy.repl.console import Console
from mail_proxy.repl.keys import offered
from mail_proxy.repl.results import Page, Record, Table
from tests.hostile import TEXTS, forbidden
from tests.unit.repl.conftest import NOW, World, screen

_EACH = pytest.mark.parametrize("name", TEXTS)
_LISTS = {
    "listMessages": ("messages", "messages.list"),
    "listAccounts": ("accounts", "accounts.list"),
    "listTenants": ("tenants", "tenants.list"),
    "listReports": ("reports", "reports.list"),
    "listSuppressions": ("suppressions", "suppressions.list"),
    "listCommands": ("commands", "command_log.list"),
    "getSyncStatus": ("tenants", "reports.status"),
}


def _row(text: str) -> dict[str, Any]:
    names = (
        "id tenant_id account_id subject status host user name batch_code error why address reason "
        "endpoint caller last_error event_type message_id"
    )
    return {
        **dict.fromkeys(names.split(), text),
        "recipients": [{"address": text, "state": text, "reply": text}],
        "message": {"from": text, "to": text, "subject": text},
        "payload": {text: text},
        "created_at": NOW,
        "active": True,
    }


def _verb(world: World, path: str) -> Any:
    found: Any = world.proxy
    for part in path.split("."):
        found = getattr(found, part)
    return found


@_EACH
@pytest.mark.parametrize("command", _LISTS)
def test_a_list_draws_it_without_its_powers(world: World, command: str, name: str) -> None:
    part, path = _LISTS[command]
    world.control.answers[command] = {part: [_row(TEXTS[name])]}
    takes_tenant = command in ("listAccounts", "listSuppressions")
    drawn = repr(_verb(world, path)("acme") if takes_tenant else _verb(world, path)())
    assert not forbidden(drawn)
    assert "keep" in drawn


@_EACH
@pytest.mark.parametrize("is_terminal", [True, False])
def test_a_record_and_a_table_of_any_fields_too(name: str, is_terminal: bool) -> None:
    text = TEXTS[name]
    wide = screen(is_terminal=is_terminal)
    things = {text: text, "inner": {text: text}, "rows": [{text: text}], "words": [text]}
    for drawn in (repr(Record(things, wide)), repr(Table(Page([{text: text, "id": text}]), wide))):
        assert not forbidden(drawn.replace("\t", " "))
        assert "keep" in drawn


@_EACH
def test_errors_questions_and_the_banner_too(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = TEXTS[name]
    error = MailProxyError(f"550 {text}", hint=f"mail-proxy {text}")
    speech.tell_error(error)
    speech.tell_error(RejectedBatch(None, [{"id": text, "reason": text}]))
    Console(screen()).print(text, {"x": text})
    running.guarded(lambda: _raise(error))
    running.guarded(lambda: _raise(SystemExit(text)))

    def look() -> dict[str, Any]:
        raise error

    print(banner("my", text, look))
    told = capsys.readouterr()
    assert not forbidden(told.out + told.err)
    assert "keep" in told.out
    assert "keep" in told.err


def _raise(error: BaseException) -> None:
    raise error


@_EACH
def test_a_question_names_it_without_its_powers(
    world: World, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = TEXTS[name]
    world.proxy.accounts.delete  # noqa: B018 - it is there
    with pytest.raises(MailProxyError):
        world.proxy.accounts.delete(text, text)
    with pytest.raises(MailProxyError):
        world.proxy.messages.delete([text])
    prompts: list[str] = []
    monkeypatch.setattr("builtins.input", lambda prompt: prompts.append(prompt) or "n")
    for question in [*world.questions, f"Delete {text}?"]:
        speech.confirm(question)
    assert len(prompts) == 3
    assert not forbidden("".join(world.questions + prompts))
    assert all("keep" in prompt for prompt in prompts)


@_EACH
def test_the_menu_offers_only_what_is_as_it_looks(name: str) -> None:
    known = offered([_row(TEXTS[name])])
    for key, row in known.items():
        assert not forbidden(key)
        assert not forbidden(repr(row))


@_EACH
def test_a_failure_of_ones_own_code_is_told_without_its_powers(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert running.guarded(lambda: _raise(ValueError(TEXTS[name]))) == 1
    told = capsys.readouterr().err
    assert not forbidden(told.replace("\t", " "))
    assert "keep" in told


@_EACH
def test_the_json_of_a_result_is_harmless_on_a_terminal(name: str) -> None:
    assert not forbidden(repr(Record({"x": TEXTS[name]}, screen()).json()))


def test_columns_stay_in_line() -> None:
    texts = [text for name, text in TEXTS.items() if name not in ("long", "lines")]
    rows = [{"id": text, "state": "SENT"} for text in texts]
    heading, *lines = repr(Table(Page(rows), screen(200))).splitlines()
    start = heading.index("STATE")
    assert len(lines) == len(texts)
    for line in lines:
        assert cell_len(line[: line.rindex("SENT")]) == start
