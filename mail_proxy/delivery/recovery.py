"""What dead daemons held is taken over: by their journals, else with the doubt that is left.

It may be ended at any point and done again: results are written under the old lease, so none is
written twice, and a journal goes when all that it tells is committed.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from mail_proxy.delivery.finish import Ended
from mail_proxy.delivery.lane import Lane
from mail_proxy.delivery.outcome import Rules, broken
from mail_proxy.delivery.records import Key
from mail_proxy.delivery.replay import late_acceptance, replayed
from mail_proxy.delivery.results import Told
from mail_proxy.delivery.segments import Trail, read_trails
from mail_proxy.domain.clock import Clock
from mail_proxy.domain.errors import StoreError, StoreFull, StoreUnavailable
from mail_proxy.domain.retry import RetryPolicy
from mail_proxy.domain.state import Event
from mail_proxy.observe import events
from mail_proxy.store import Claimed, Lease, Outcome, Store

_AT_ONCE = 500


class Recovery:
    """Of one journal folder and one store; `told` gets what is written, as for live results."""

    def __init__(
        self,
        store: Store,
        folder: Path,
        *,
        boot_id: str,
        retry: RetryPolicy,
        clock: Clock,
        told: Told,
    ) -> None:
        self._store = store
        self._folder = folder
        self._boot_id = boot_id
        self._retry = retry
        self._clock = clock
        self._told = told
        self._rules: dict[tuple[str, str], Rules] = {}

    async def all(self) -> None:
        """Every daemon of the store is known dead: their leases and journals come to an end.

        Raises StoreUnavailable, StoreFull; then it is to be done again.
        """
        trails = await asyncio.to_thread(read_trails, self._folder)
        run = await self._run(None, trails)
        await self._late(trails, run)
        if not trails and not run.seen:
            return
        await self._store.forget_daemons(None)
        if not run.broke:
            paths = [path for trail in trails.values() for path in trail.paths]
            await asyncio.to_thread(_remove, paths)

    async def one(self, daemon_id: str) -> None:
        """A peer lives no more, or will find its leases gone; its journal stays, it may be asleep.

        Raises StoreUnavailable, StoreFull.
        """
        await self._run(daemon_id, await asyncio.to_thread(read_trails, self._folder))

    async def _run(self, daemon_id: str | None, trails: Mapping[str, Trail]) -> _Run:
        self._rules = {}
        run = _Run()
        after = None
        while page := await self._store.leases(daemon_id, after=after, limit=_AT_ONCE):
            await self._take_over(page, trails, run)
            last = page[-1]
            after = (last.daemon_id, last.message.tenant_id, last.message.pk)
        if run.counts:
            events.lease_recovered(n=run.counts.total(), **_words(run.counts))
        return run

    async def _take_over(
        self, page: Sequence[Lease], trails: Mapping[str, Trail], run: _Run
    ) -> None:
        ended = [await self._ended(lease, trails.get(lease.daemon_id, Trail())) for lease in page]
        run.seen.update(Key(lease.message.pk, lease.message.lease_token) for lease in page)
        ours = await self._write([entry.outcome for entry in ended], run)
        for entry in ended:
            if entry.outcome.pk in ours:
                run.counts[entry.outcome.event] += 1
                self._told.ended(entry, is_ours=True)
                if entry.outcome.event is Event.PARK:
                    events.message_parked(entry.message, why=entry.outcome.error or "")

    async def _ended(self, lease: Lease, trail: Trail) -> Ended:
        message = lease.message
        attempt = trail.attempts.get(Key(message.pk, message.lease_token))
        rules = await self._rules_of(message)
        now = self._clock.now()
        is_proven = trail.proves(self._boot_id)
        try:
            outcome = replayed(
                message,
                attempt,
                rules,
                is_proven=is_proven,
                now=now,
                dice=self._clock.dice(),
            )
        except Exception as error:  # noqa: BLE001 - a bug must not keep the daemon from starting
            events.attempt_broke(message, error)
            may_be_sent = not is_proven or (attempt is not None and attempt.dotted is not None)
            outcome = broken(message, error, dot_sent=may_be_sent, now=now)
        return Ended(message, outcome, 0.0)

    async def _rules_of(self, message: Claimed) -> Rules:
        key = (message.tenant_id, message.account_id)
        if key not in self._rules:
            self._rules[key] = await self._read_rules(key)
        return self._rules[key]

    async def _read_rules(self, key: tuple[str, str]) -> Rules:
        """Without its account, nobody could send it again: what is in doubt is held."""
        account = tenant = None
        try:
            account = await self._store.get_account(*key)
            tenant = await self._store.get_tenant(key[0])
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - a row that cannot be read stops its account only
            events.task_broke(f"account {key}", error)
        self._told.name(key, tenant.name if tenant is not None else None)
        if account is None:
            return Rules(self._retry, "hold")
        return Rules(Lane(account).retry_policy(self._retry), account.in_doubt)

    async def _late(self, trails: Mapping[str, Trail], run: _Run) -> None:
        """Acceptances whose lease had lapsed before, and that nobody lived to record."""
        now = self._clock.now()
        late = [
            outcome
            for trail in trails.values()
            for key, attempt in trail.attempts.items()
            if key not in run.seen and (outcome := late_acceptance(key, attempt, now)) is not None
        ]
        for start in range(0, len(late), _AT_ONCE):
            await self._write(late[start : start + _AT_ONCE], run)

    async def _write(self, outcomes: Sequence[Outcome], run: _Run) -> set[int]:
        """The pks that were under the leases. One that cannot be written does not stop the rest."""
        try:
            return await self._store.finish(outcomes, now=self._clock.now())
        except (StoreUnavailable, StoreFull):
            raise
        except Exception as error:  # noqa: BLE001 - a bug with one row must not keep the daemon from starting
            if len(outcomes) == 1:
                run.broke = True
                events.task_broke(f"recovery of message {outcomes[0].pk}", error)
                return set()
        half = len(outcomes) // 2
        return await self._write(outcomes[:half], run) | await self._write(outcomes[half:], run)


class _Run:
    """One recovery. seen: the leases that it found. broke: some could not be written."""

    def __init__(self) -> None:
        self.seen: set[Key] = set()
        self.counts: Counter[Event] = Counter()
        self.broke = False


def _words(counts: Counter[Event]) -> dict[str, int]:
    return {
        "sent": counts[Event.ACCEPT],
        "failed": counts[Event.FAIL],
        "in_doubt": counts[Event.DOUBT] + counts[Event.RESEND],
        "parked": counts[Event.PARK],
    }


def _remove(paths: Sequence[Path]) -> None:
    for path in paths:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:  # the next start reads it again, and finds nothing to do
            events.journal_left(path=str(path), error=error)
