"""A field that a command does not have: refused before it is sent."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from mail_proxy.client.fields import FIELDS
from mail_proxy.client.verbs import Instance, Noun, event_fields
from mail_proxy.domain.errors import Invalid
from mail_proxy.operations.table import OPERATIONS

Sent = list[tuple[str, dict[str, Any]]]


@pytest.fixture
def sent() -> Sent:
    return []


@pytest.fixture
def proxy(sent: Sent) -> Instance[Any, Any]:
    def ask(command: str, fields: Any, part: str | None) -> dict[str, Any]:
        sent.append((command, dict(fields)))
        return {"ok": True}

    return Instance(ask)


def open_verbs(of: Noun[Any, Any]) -> list[Callable[..., object]]:
    """Those that take more fields by name than they tell."""
    nouns = [each for each in vars(of).values() if isinstance(each, Noun)]
    found = [
        verb
        for noun in nouns
        for name, verb in inspect.getmembers(noun, callable)
        if not name.startswith("_")
        and any(p.kind is p.VAR_KEYWORD for p in inspect.signature(verb).parameters.values())
    ]
    assert len(found) > 15
    return found


@pytest.mark.parametrize("command", FIELDS)
def test_the_fields_are_those_of_the_wire(command: str) -> None:
    fields = OPERATIONS[command].request.model_fields.items()
    assert FIELDS[command] == {field.alias or name for name, field in fields}


def test_no_verb_takes_a_field_that_its_command_does_not_have(
    proxy: Instance[Any, Any], sent: Sent
) -> None:
    for verb in open_verbs(proxy):
        parameters = inspect.signature(verb).parameters.values()
        needed = [
            "x" for p in parameters if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD
        ]
        with pytest.raises(Invalid, match="there is no field 'no_such_field'"):
            verb(*needed, no_such_field=1)
    with pytest.raises(Invalid, match="no_such_field"):
        event_fields(None, no_such_field=1)
    assert sent == []


def test_the_nearest_field_is_named(proxy: Instance[Any, Any]) -> None:
    with pytest.raises(Invalid, match=r"'limit_per_hou'\. Did you mean limit_per_hour") as told:
        proxy.accounts.update("main", limit_per_hou=5)
    assert told.value.field == "limit_per_hou"
    with pytest.raises(Invalid, match="It has expires_at, name, tenant_id"):
        proxy.tenants.add_key("acme", foo=1)


def test_a_field_in_an_object_is_looked_at_too(proxy: Instance[Any, Any], sent: Sent) -> None:
    with pytest.raises(Invalid, match=r"'hots'\. Did you mean host"):
        proxy.accounts.add({"id": "main", "hots": "smtp.example.com"})
    assert sent == []


def test_fields_that_it_has_are_sent_and_call_sends_any(
    proxy: Instance[Any, Any], sent: Sent
) -> None:
    proxy.accounts.update("main", limit_per_hour=5)
    proxy.messages.delete(["1"], yes=True)
    proxy.call("updateAccount", account_id="main", of_a_later_version=1)
    assert [command for command, _ in sent] == ["updateAccount", "deleteMessages", "updateAccount"]
    assert sent[2][1] == {"account_id": "main", "of_a_later_version": 1}
