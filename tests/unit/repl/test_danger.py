"""Which calls ask, and what."""

from __future__ import annotations

from typing import Any

import pytest

from mail_proxy.domain import units
from mail_proxy.domain.errors import Invalid, NotFound, RejectedBatch
from mail_proxy.repl.asking import Asker, Declined, error_line
from mail_proxy.repl.danger import question_of
from mail_proxy.repl.proxy import Proxy
from tests.unit.repl.conftest import FakeControl, World, screen


@pytest.mark.parametrize(
    ("call", "question"),
    [
        (lambda p: p.messages.delete("m1"), "Delete message 'm1'?"),
        (lambda p: p.messages.delete(["m1", "m2"]), "Delete 2 messages?"),
        (lambda p: p.messages.cleanup(), "Delete the finished messages past their retention?"),
        (
            lambda p: p.accounts.delete("main", "acme"),
            "Delete account 'main' of 'acme'? Mail that waits for it cannot go.",
        ),
        (
            lambda p: p.tenants.delete("acme"),
            "Delete tenant 'acme' with its accounts and all its messages?",
        ),
        (
            lambda p: p.tenants.delete_key("acme", "k1"),
            "Revoke key 'k1' of 'acme'? Who uses it is refused at once.",
        ),
        (
            lambda p: p.tenants.delete_webhook_secret("acme"),
            "Delete the webhook secret of 'acme'? Its reports are not signed then.",
        ),
        (lambda p: p.suspend(), "Suspend all sending?"),
        (
            lambda p: p.command_log.purge(1.0),
            f"Remove the command log before {units.local_time(1.0)}?",
        ),
        (
            lambda p: p.call("createTenantKey", tenant_id="acme"),
            "Make a new first key for 'acme'? The old one ends at once.",
        ),
        (
            lambda p: p.call("revokeTenantKey", tenant_id="acme"),
            "Revoke the first key of 'acme'? Who uses it is refused at once.",
        ),
        (
            lambda p: p.call("regenerateToken"),
            "Replace the admin token? The old one ends at once.",
        ),
    ],
)
def test_what_does_damage_asks_and_a_no_changes_nothing(
    world: World, call: Any, question: str
) -> None:
    with pytest.raises(Declined):
        call(world.proxy)
    assert world.questions == [question]
    assert world.control.calls == []


@pytest.mark.parametrize("fields", [{}, {"account_id": None}, {"account_id": ""}])
def test_what_lacks_a_field_is_refused_and_not_asked_about(
    world: World, fields: dict[str, Any]
) -> None:
    with pytest.raises(Invalid, match="missing account_id"):
        world.proxy.call("deleteAccount", **fields)
    assert (world.questions, world.control.calls) == ([], [])


def test_a_yes_does_it(world: World) -> None:
    world.answer = True
    world.proxy.tenants.delete("acme")
    assert world.control.calls == [("deleteTenant", {"tenant_id": "acme"})]


@pytest.mark.parametrize(
    "call",
    [
        lambda p: p.messages.delete("m1", yes=True),
        lambda p: p.messages.cleanup(yes=True),
        lambda p: p.accounts.delete("main", yes=True),
        lambda p: p.tenants.delete("acme", yes=True),
        lambda p: p.tenants.delete_key("acme", "k1", yes=True),
        lambda p: p.tenants.delete_webhook_secret("acme", yes=True),
        lambda p: p.suspend(yes=True),
        lambda p: p.command_log.purge(1.0, yes=True),
        lambda p: p.call("deleteTenant", tenant_id="acme", yes=True),
    ],
)
def test_yes_is_an_answer_and_no_field_of_the_request(world: World, call: Any) -> None:
    call(world.proxy)
    assert world.questions == []
    assert "yes" not in world.control.calls[0][1]


@pytest.mark.parametrize(
    "call",
    [
        lambda p: p.messages.retry("m1"),
        lambda p: p.messages.hold("m1"),
        lambda p: p.suspend("acme"),
        lambda p: p.activate(),
        lambda p: p.accounts.pause("main"),
        lambda p: p.cache.clear(),
    ],
)
def test_what_can_be_undone_asks_nothing(world: World, call: Any) -> None:
    world.control.answers |= {"pauseAccount": {"account": {}}}
    call(world.proxy)
    assert world.questions == []


def test_a_change_by_filter_says_how_many_it_finds(world: World) -> None:
    world.control.answers["retryMessages"] = {"done": [], "counts": {"done": 1204}}
    with pytest.raises(Declined):
        world.proxy.messages.retry(filter="state:failed")
    assert world.questions == ["Retry the 1 204 messages that match 'state:failed'?"]
    fields = {"tenant_id": None, "filter": "state:failed", "dry_run": True}
    assert world.control.calls == [("retryMessages", fields)]


def test_a_trial_asks_nothing(world: World) -> None:
    world.proxy.messages.delete(filter="state:failed", dry_run=True)
    assert world.questions == []


def test_where_nobody_can_be_asked_the_answer_is_named() -> None:
    control = FakeControl()
    proxy = Proxy("my", control, Asker(control, screen(), None), control.call)
    with pytest.raises(Declined, match="give yes=True"):
        proxy.tenants.delete("acme")
    assert control.calls == []


def test_the_last_error_has_all_that_is_known(world: World) -> None:
    error = NotFound("no message 'x'", hint="proxy.messages.list()")
    error.http_status, error.request_id = 404, "r1"
    world.control.answers["getMessage"] = error
    with pytest.raises(NotFound):
        world.proxy.messages.get("x")
    assert world.proxy.last_error == {
        "error": "no message 'x'",
        "command": "getMessage",
        "code": "not_found",
        "status": 404,
        "hint": "proxy.messages.list()",
        "request_id": "r1",
    }


def test_an_error_is_a_line_with_its_status() -> None:
    error = NotFound("no message 'x'")
    error.http_status = 404
    assert error_line(error) == "no message 'x' (HTTP 404)"
    assert error_line(NotFound("gone")) == "gone"


def test_of_a_batch_the_first_reason_is_told() -> None:
    error = RejectedBatch(None, [{"id": "a", "reason": "missing to"}, {"id": "b"}])
    assert error_line(error).endswith(": 'a': missing to; 1 more in proxy.last_error")


@pytest.mark.parametrize("before", [None, True, 1e30, "soon"])
def test_what_the_daemon_will_refuse_is_not_asked_about(before: object) -> None:
    assert question_of("purgeCommands", {"before_ts": before}) is None
