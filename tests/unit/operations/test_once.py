"""The same Idempotency-Key and body: one post is done, and its answer given again."""

from __future__ import annotations

import asyncio
import hashlib
import json

import pytest

from mail_proxy.domain.clock import SystemClock
from mail_proxy.domain.errors import Conflict, Invalid, RejectedBatch
from mail_proxy.domain.state import Event
from mail_proxy.operations import once
from mail_proxy.operations.messages import forget_answers
from mail_proxy.wire.caller import LOCAL

DAY_S = 86400.0


async def subjects(house) -> list[str]:
    listed = (await house.call("listMessages"))["messages"]
    return [message["message"]["subject"] for message in listed]


async def test_the_first_answer_comes_again_byte_for_byte(house):
    await house.tenant("acme", "main")
    batch = [house.mail("m1"), house.mail("bäd", to="no address"), 7]
    first = await house.post(*batch, idempotency_key="k")
    house.engine.asked.clear()
    house.clock.at += DAY_S - 1
    again = await house.post(*batch, idempotency_key="k")
    assert first["queued"] == 1
    assert json.dumps(again) == json.dumps(first)
    assert house.engine.asked == []  # nothing is done a second time


async def test_a_message_that_was_sent_meanwhile_is_still_answered_as_queued(house):
    await house.tenant("acme", "main")
    await house.post(house.mail(), idempotency_key="k")
    (claimed,) = await house.claim("acme", "main")
    await house.finish(claimed, Event.ACCEPT)
    assert (await house.post(house.mail(), idempotency_key="k"))["queued"] == 1
    assert (await house.post(house.mail()))["rejected"][0]["reason"] == "already sent"


async def test_an_account_that_is_gone_changes_no_answer(house):
    await house.tenant("acme", "main")
    first = await house.post(house.mail(), idempotency_key="k")
    await house.call("deleteAccount", account_id="main", tenant_id="acme")
    assert await house.post(house.mail(), idempotency_key="k") == first


@pytest.mark.parametrize(
    "other",
    [
        {"messages": ["other subject"]},
        {"messages": ["Hello", "one more"]},
        {"messages": ["Hello"], "default_priority": 0},
        {"messages": ["Hello"], "tenant_id": "acme"},
    ],
)
async def test_another_body_is_a_conflict_that_names_the_header(house, other):
    await house.tenant("acme", "main")
    await house.post(house.mail(), idempotency_key="k")
    messages = [house.mail(subject=subject) for subject in other.pop("messages")]
    with pytest.raises(Conflict, match="Idempotency-Key"):
        await house.post(*messages, idempotency_key="k", **other)
    assert await subjects(house) == ["Hello"]


async def test_after_a_day_the_key_is_new(house):
    await house.tenant("acme", "main")
    await house.post(house.mail(), idempotency_key="k")
    house.clock.at += DAY_S + 1
    await house.post(house.mail(subject="other"), idempotency_key="k")
    assert await subjects(house) == ["other"]


async def test_of_two_posts_at_once_one_does_the_work(house):
    await house.tenant("acme", "main")
    answers = await asyncio.gather(
        *(house.post(house.mail(), idempotency_key="k") for _ in range(10))
    )
    assert {json.dumps(answer) for answer in answers} == {json.dumps(answers[0])}
    assert [asked for asked in house.engine.asked if asked[0] == "wake"] == [
        ("wake", "acme", "main", False)
    ]


async def test_of_two_bodies_at_once_one_is_a_conflict(house):
    await house.tenant("acme", "main")
    answers = await asyncio.gather(
        house.post(house.mail(), idempotency_key="k"),
        house.post(house.mail(subject="other"), idempotency_key="k"),
        return_exceptions=True,
    )
    assert [type(answer) for answer in answers] == [dict, Conflict]


async def test_keys_are_each_tenants_own_and_the_admins(house):
    acme = await house.tenant("acme", "main")
    beta = await house.tenant("beta", "main")
    for caller, name in ((acme, "a"), (beta, "b"), (house.admin, "c")):
        entry = house.mail(name, tenant_id=caller.tenant_id or "acme")
        assert (await house.post(entry, caller=caller, idempotency_key="k"))["queued"] == 1
    with pytest.raises(Conflict):
        await house.post(house.mail("d", tenant_id="beta"), caller=LOCAL, idempotency_key="k")


async def test_a_post_of_which_nothing_was_taken_leaves_its_key_free(house):
    await house.tenant("acme", "main")
    with pytest.raises(RejectedBatch):
        await house.post(house.mail(subject=""), idempotency_key="k")
    assert (await house.post(house.mail(), idempotency_key="k"))["queued"] == 1


async def test_what_was_taken_back_to_be_replaced_is_in_the_kept_answer(house):
    await house.tenant("acme", "main")
    await house.post(house.mail())
    house.engine.claimed = await house.claim("acme", "main")
    batch = [house.mail(subject="new"), house.mail("m2")]
    first = await house.post(*batch, idempotency_key="k")
    assert first == {"ok": True, "queued": 2, "rejected": []}
    assert await house.post(*batch, idempotency_key="k") == first


async def test_half_a_surrogate_pair_has_a_hash_too(house):
    await house.tenant("acme", "main")
    batch = [house.mail("m1"), house.mail("m2", subject="\ud800")]
    first = await house.post(*batch, idempotency_key="k")
    assert await house.post(*batch, idempotency_key="k") == first


@pytest.mark.parametrize("key", ["", "k" * 256, "a\nb", "a\0", "é", "\ud800", 7])
async def test_a_key_is_bounded_in_length_and_characters(house, key):
    await house.tenant("acme", "main")
    with pytest.raises(Invalid, match=r"(?i)idempotency.key"):
        await house.post(house.mail(), idempotency_key=key)
    assert await subjects(house) == []


async def test_the_longest_key_is_a_key(house):
    await house.tenant("acme", "main")
    assert (await house.post(house.mail(), idempotency_key="k" * 255))["queued"] == 1


async def test_old_answers_are_removed(house):
    await house.tenant("acme", "main")
    for n in range(3):
        await house.post(house.mail(f"m{n}"), idempotency_key=f"k{n}")
        house.clock.at += DAY_S / 2
    assert await forget_answers(house.context.called_by(house.admin)) == 1
    assert await house.store.find_answer("", "k0", since=0) is None
    assert await house.store.find_answer("", "k1", since=0) is not None


async def test_a_deleted_tenant_takes_its_keys_along(house):
    acme = await house.tenant("acme", "main")
    await house.post(house.mail(), caller=acme, idempotency_key="k")
    await house.call("deleteTenant", tenant_id="acme")
    assert await house.store.find_answer("acme", "k", since=0) is None


async def test_long_texts_have_the_hash_that_they_have_at_once(monkeypatch):
    monkeypatch.setattr(once, "PIECE_CHARS", 7)
    attachment = {"filename": "a", "storage_path": 'x"\\\n\u00e9\ud800\U0001f600' * 5, "auth": None}
    nested = {"a": [[], {}, 1.5, True, {"b": "y" * 20}]}
    item = {"id": "m1", "attachments": [attachment, attachment], "more": nested}
    expected = hashlib.sha256(b"".join(json.dumps(i).encode() + b"\n" for i in (None, item)))
    assert await once.sha256_of([item], None, SystemClock()) == expected.hexdigest()
