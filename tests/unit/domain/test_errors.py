"""Errors carry what programs need, and the sentence for people."""

from __future__ import annotations

from mail_proxy.domain.errors import Invalid, Locked, RejectedBatch, RelayRefused, RelayUnreachable
from mail_proxy.domain.reply import Reply, Stage


def test_a_refusal_tells_stage_and_reply() -> None:
    error = RelayRefused(Stage.AUTH, Reply(535, "5.7.8", "bad credentials"))
    assert str(error) == "login refused: 535 5.7.8 bad credentials"
    assert error.stage is Stage.AUTH


def test_an_unreachable_relay_tells_stage_and_reason() -> None:
    assert str(RelayUnreachable(Stage.CONNECT, "timed out")) == "connection failed: timed out"


def test_an_invalid_value_names_its_field_and_is_its_own_detail() -> None:
    error = Invalid("missing to", field="to")
    assert (error.field, error.detail, error.code) == ("to", "missing to", "invalid")


def test_a_lock_names_its_holder() -> None:
    assert Locked("in use", holder="pid 5").holder == "pid 5"


def test_a_rejected_batch_lists_its_messages_in_the_detail() -> None:
    error = RejectedBatch(None, [{"id": "1", "reason": "missing to"}])
    assert error.detail == {"error": None, "rejected": [{"id": "1", "reason": "missing to"}]}


def test_a_batch_refused_as_a_whole_lists_nothing() -> None:
    error = RejectedBatch("messages must be a list", None)
    assert error.detail == {"error": "messages must be a list", "rejected": None}
    assert error.rejected == []
