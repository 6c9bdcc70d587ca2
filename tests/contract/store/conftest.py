"""A store of each kind, and a scene: one tenant, one account, short words for what tests do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mail_proxy.domain.actions import Action
from mail_proxy.domain.filter_text import parse_filter
from mail_proxy.domain.reply import Reply
from mail_proxy.domain.state import Event, RecipientState, State
from mail_proxy.secrets import Keyring
from mail_proxy.store import (
    Accepted,
    Account,
    Claim,
    Claimed,
    MessageFilter,
    MessageRow,
    NewEvent,
    NewMessage,
    Outcome,
    RecipientResult,
    Store,
    Tenant,
    open_store,
)
from mail_proxy.store.acting import Act

EVERYTHING = MessageFilter()
NOW = 1_800_000_000.0
OK = Reply(250, "2.0.0", "queued")
NO = Reply(550, "5.1.1", "no such user")


class HandClock:
    """Stands still at NOW until a test moves it; `passed_s` is what has really passed."""

    def __init__(self) -> None:
        self.wall = NOW
        self.passed_s = 0.0

    def now(self) -> float:
        return self.wall

    def monotonic(self) -> float:
        return self.passed_s

    def dice(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("the store never sleeps")


@pytest.fixture(params=["sqlite"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The name of an empty database of this kind."""
    assert request.param == "sqlite"
    return f"sqlite:///{tmp_path}/queue.db"


@pytest.fixture
def keyring(tmp_path: Path) -> Keyring:
    return Keyring(b"k" * 32, tmp_path / "secret.key")


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def store(database: str, keyring: Keyring, clock: HandClock) -> AsyncIterator[Store]:
    opened = await open_store(database, keyring=keyring, clock=clock)
    yield opened
    await opened.close()


class Scene:
    """Tenant `acme` with the account `main`."""

    now = NOW

    def __init__(self, store: Store) -> None:
        self.store = store

    async def add(self, tenant_id: str, account_id: str, **changes: Any) -> None:
        await self.store.put_tenant(Tenant(tenant_id), now=NOW)
        account = Account(tenant_id, account_id, "mail.example", 25, **changes)
        await self.store.put_account(account, now=NOW)

    def message(self, id_: str, **changes: Any) -> NewMessage:
        plain = NewMessage(
            tenant_id="acme",
            id=id_,
            account_id="main",
            priority=2,
            due_at=NOW,
            deferred_ts=None,
            batch_code=None,
            sender="Ann <ann@acme.example>",
            subject=f"Subject of {id_}",
            return_path="ann@acme.example",
            rfc_message_id=f"<{id_}@acme.example>",
            recipients=("bob@example.net",),
            content=b'{"text": "hello"}',
            created_at=NOW,
        )
        return replace(plain, **changes)

    async def post(self, *ids: str, **changes: Any) -> list[Accepted]:
        return await self.store.accept([self.message(i, **changes) for i in ids], now=NOW)

    async def claim(self, limit: int = 100, *, now: float = NOW, **changes: Any) -> Claim:
        how = {"tenant_id": "acme", "account_id": "main", "daemon": "d1", **changes}
        return await self.store.claim(**how, limit=limit, now=now)

    async def claim_one(self, now: float = NOW) -> Claimed:
        (claimed,) = (await self.claim(1, now=now)).messages
        return claimed

    def outcome(self, claimed: Claimed, event: Event, **changes: Any) -> Outcome:
        """An outcome with nothing told of recipients."""
        plain = Outcome(claimed.tenant_id, claimed.pk, claimed.lease_token, event)
        return replace(plain, **changes)

    def accepted(self, claimed: Claimed, **changes: Any) -> Outcome:
        """Every recipient was taken, and that is to be reported."""
        results = self.results(claimed, RecipientState.ACCEPTED, OK)
        return self.outcome(
            claimed,
            Event.ACCEPT,
            **{"recipients": results, "events": (self.event(),), "dot_sent": True, **changes},
        )

    def failed(self, claimed: Claimed) -> Outcome:
        return self.outcome(
            claimed,
            Event.FAIL,
            recipients=self.results(claimed, RecipientState.REFUSED, NO),
            events=(self.event("error"),),
            error="recipient refused: 550 5.1.1 no such user",
            error_code=550,
        )

    def results(
        self, claimed: Claimed, state: RecipientState, reply: Reply | None
    ) -> tuple[RecipientResult, ...]:
        return tuple(RecipientResult(r.position, state, reply) for r in claimed.recipients)

    def event(self, event_type: str = "sent", *, reportable: bool = True) -> NewEvent:
        return NewEvent(event_type, NOW, "", {"id": "m"}, reportable)

    async def finish(self, *outcomes: Outcome, now: float = NOW) -> set[int]:
        return await self.store.finish(outcomes, now=now)

    async def lapse(self) -> set[int]:
        """Their daemon is dead: all that is leased lapses."""
        held = [lease.message for lease in await self.store.leases(None)]
        return await self.finish(*(self.outcome(m, Event.LAPSE) for m in held))

    async def send(self, *ids: str, **changes: Any) -> None:
        """Post and deliver."""
        await self.post(*ids, **changes)
        claim = await self.claim()
        await self.finish(*(self.accepted(m) for m in claim.messages if m.id in ids))

    async def look(self, id_: str, tenant_id: str = "acme") -> MessageRow:
        (found,) = await self.store.find_messages(tenant_id, [id_], full=True)
        return found

    async def states(self, ids: Iterable[str]) -> list[State]:
        return [(await self.look(i)).state for i in ids]

    async def list_ids(
        self, text: str = "", *, tenant_id: str | None = None, now: float = NOW
    ) -> list[str]:
        """Of what a filter finds, in order."""
        found = await self.rows(MessageFilter(tenant_id, parse_filter(text), now))
        return [message.id for message in found]

    async def rows(self, chosen: MessageFilter = EVERYTHING) -> list[MessageRow]:
        """All that match, page by page."""
        rows: list[MessageRow] = []
        after = None
        while True:
            found = await self.store.search_messages(chosen, limit=200, after=after)
            rows += found.rows
            after = found.after
            if after is None:
                return rows

    async def delete(self, *ids: str) -> set[str]:
        """Those of them that were deleted."""
        return await self._change(Action.DELETE, ids, NOW)

    async def retry(self, *ids: str, now: float = NOW) -> set[str]:
        """Those of them that begin anew."""
        return await self._change(Action.RETRY, ids, now)

    async def _change(self, action: Action, ids: Sequence[str], now: float) -> set[str]:
        acted = await self.store.change_messages("acme", ids, Act(action, now, "test"))
        return {message.id for message in acted if not message.reason}


@pytest.fixture
async def scene(store: Store) -> Scene:
    made = Scene(store)
    await made.add("acme", "main")
    return made
