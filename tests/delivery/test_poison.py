"""A message that cannot be sent, or takes daemons down, stands in nobody's way."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from itertools import pairwise
from typing import Any

import pytest

from mail_proxy.delivery import courier
from mail_proxy.domain.state import State

House = Any


def by_hand(house: House, change: str, *values: Any) -> None:
    """Write what no caller could."""
    path = house.journal_dir.parent / "queue.db"
    with closing(sqlite3.connect(path)) as conn, conn:
        assert conn.execute(change, values).rowcount == 1


def broken(subject: str) -> bytes:
    fields = {"from": "a@acme.example", "to": ["ann@example.com"], "subject": subject}
    return json.dumps(fields | {"body": "\ud800"}).encode()  # a lone surrogate, legal as JSON


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["unencodable", "no JSON", "no content", "address", "builder"])
async def test_of_a_thousand_messages_one_that_cannot_be_built_stops_no_other(
    house: House, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = courier.build

    def build(fields: Any, stamp: Any) -> Any:
        if stamp.tracking_id == "poison" and kind == "builder":
            raise RecursionError("too deep")
        return real(fields, stamp)

    monkeypatch.setattr(courier, "build", build)
    content = {"unencodable": broken("poison"), "no JSON": b"\xff{"}.get(kind)
    ids = [f"m{n}" for n in range(999)]
    await house.post(*ids[:500], wakes=False)
    await house.post("poison", wakes=False, **({"content": content} if content else {}))
    await house.post(*ids[500:], wakes=False)
    pk = (await house.row("poison")).pk
    if kind == "no content":
        by_hand(house, "DELETE FROM contents WHERE message_pk = ?", pk)
    if kind == "address":
        forged = "a@x.example>\r\nRCPT TO:<b@x.example"
        by_hand(house, "UPDATE recipients SET address = ? WHERE message_pk = ?", forged, pk)
    async with house.running():
        await house.until(lambda: len(house.results) == 1000)
    assert {r["id"] for r in house.results if r["status"] == "sent"} == set(ids)
    (poison,) = [r for r in house.results if r["status"] != "sent"]
    assert (poison["id"], poison["status"]) == ("poison", "deferred")
    assert (await house.row("poison")).tries == 1
    assert (await house.store.get_account("acme", "main")).failures == 0


async def test_an_address_that_is_no_text_is_not_sent_to(house: House) -> None:
    await house.post("bad", "good", wakes=False)
    bad = (await house.row("bad")).pk
    change = "UPDATE recipients SET address = CAST(x'61ff40782e6578' AS TEXT) WHERE message_pk = ?"
    by_hand(house, change, bad)
    async with house.running():
        await house.statuses(2)
    assert {r["id"]: r["status"] for r in house.results} == {"bad": "deferred", "good": "sent"}
    assert list(house.relay.copies) == ["good ann@example.com"]


async def test_what_took_daemons_down_is_composed_alone(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[tuple[str, str]] = []
    for name in ("begin", "composed"):
        _note_calls(house.journal, name, steps, monkeypatch)
    big = json.dumps(
        {
            "from": "a@acme.example",
            "to": ["ann@example.com"],
            "subject": "big",
            "body": "x" * 600_000,  # beyond a claim's budget, so that composing waits for it
        }
    ).encode()
    ids = [f"m{n}" for n in range(12)]
    await house.post(*ids[:6], "suspect", *ids[6:], content=big, wakes=False)
    by_hand(house, "UPDATE messages SET lapses = 3 WHERE id = 'suspect'")
    async with house.running():
        assert await house.statuses(13) == ["sent"] * 13
    begun = steps.index(("begin", "suspect"))
    assert steps[begun + 1] == ("composed", "suspect")
    before = steps[:begun]
    assert {("composed", id_) for step, id_ in before if step == "begin"} <= set(before)
    assert _overlap(steps)  # the others were composed as they came


def _note_calls(
    journal: Any, name: str, steps: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = getattr(journal, name)

    def noted(message: Any) -> None:
        steps.append((name, message.id))
        real(message)

    monkeypatch.setattr(journal, name, noted)


def _overlap(steps: list[tuple[str, str]]) -> bool:
    return any(a[0] == "begin" and b[0] == "begin" for a, b in pairwise(steps))


async def test_a_suspect_that_is_taken_back_meanwhile_leaves_the_way_open(house: House) -> None:
    await house.post("suspect", wakes=False, batch_code="may")
    by_hand(house, "UPDATE messages SET lapses = 3 WHERE id = 'suspect'")
    await house.post("other", wakes=False)
    async with house.running() as engine:
        await house.store.suspend("acme", "may", now=house.clock.now())
        await engine.recall("acme", batch_code="may")
        await house.until(lambda: any(r["id"] == "other" for r in house.results))
    assert (await house.row("suspect")).state in (State.SUSPENDED, State.SENT)
