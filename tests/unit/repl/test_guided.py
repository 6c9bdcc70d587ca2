"""`new_tenant()` and its like: what they save, and what they say where nobody sits."""

from __future__ import annotations

from typing import Any

import pytest

from mail_proxy.domain.errors import Invalid
from mail_proxy.forms import prompting
from mail_proxy.forms.fields import Field
from mail_proxy.repl import speech
from mail_proxy.repl.asking import Declined
from mail_proxy.repl.guided import Guide
from tests.unit.repl.conftest import World


class Typist:
    """Types answers by the label of the question, Enter for all others, and saves."""

    answers: dict[str, str]

    def text(self, field: Field, default: str, *, is_first: bool = False) -> str:
        return self.answers.get(field.label, default)

    def save(self) -> str:
        return self.answers.get("Save", "y")

    def say(self, line: str) -> None:
        pass


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What the person types, by question."""
    answers: dict[str, str] = {}
    monkeypatch.setattr(Typist, "answers", answers, raising=False)
    monkeypatch.setattr(prompting, "TerminalAsker", Typist)
    return answers


def test_a_tenant_is_saved(world: World, typed: dict[str, str]) -> None:
    typed["Tenant id"] = "acme"
    Guide(world.proxy, is_possible=True).new_tenant()
    assert world.control.calls == [("addTenant", {"id": "acme", "only_new": True})]


def test_no_saves_nothing(world: World, typed: dict[str, str]) -> None:
    typed |= {"Tenant id": "acme", "Save": "n"}
    with pytest.raises(Declined, match="nothing was saved"):
        Guide(world.proxy, is_possible=True).new_tenant()
    assert world.control.calls == []


@pytest.mark.parametrize("wants", [True, False])
def test_the_login_of_a_new_account_is_tested_where_that_is_wanted(
    world: World, typed: dict[str, str], monkeypatch: pytest.MonkeyPatch, wants: bool
) -> None:
    monkeypatch.setattr(speech, "confirm", lambda _, enter: wants and enter)
    world.control.answers |= {
        "listTenants": {"tenants": [{"id": "acme"}]},
        "checkAccount": {"report": {"login": "accepted"}},
    }
    typed |= {"Account id": "main", "SMTP host": "h"}
    told = Guide(world.proxy, is_possible=True).new_account()
    assert world.control.names()[1:] == ["addAccount", *(["checkAccount"] if wants else [])]
    asked = world.control.calls[1][1]
    assert (asked["tenant_id"], asked["only_new"]) == ("acme", True)
    assert ("login" in told) is wants


def test_of_several_tenants_one_is_asked_for(world: World, typed: dict[str, str]) -> None:
    world.control.answers |= {
        "listTenants": {"tenants": [{"id": "acme"}, {"id": "alpha"}]},
        "listAccounts": {
            "accounts": [{"id": "a"}, {"id": "b", "is_default": True, "user": "me@example.org"}]
        },
    }
    typed |= {"Tenant": "alpha", "To": "ann@example.org", "Body": "hello", "Message id": "m"}
    Guide(world.proxy, is_possible=True).new_message()
    posted: Any = world.control.calls[-1][1]["messages"][0]
    assert (posted["tenant_id"], posted["account_id"]) == ("alpha", "b")
    assert posted["from"] == "me@example.org"


def test_what_is_missing_is_told_with_what_makes_it(world: World) -> None:
    guide = Guide(world.proxy, is_possible=True)
    world.control.answers["listTenants"] = {"tenants": []}
    with pytest.raises(Invalid) as told:
        guide.new_account()
    assert told.value.hint == "new_tenant()"
    world.control.answers["listAccounts"] = {"accounts": []}
    with pytest.raises(Invalid) as told:
        guide.new_message("acme")
    assert told.value.hint == "new_account()"


def test_where_nobody_sits_nothing_is_asked(world: World) -> None:
    with pytest.raises(Invalid, match="nobody can be asked here"):
        Guide(world.proxy, is_possible=False).new_tenant()
    assert world.control.calls == []
