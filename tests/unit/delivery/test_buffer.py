"""The order in which claimed messages are begun."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from mail_proxy.delivery.buffer import LOWER_EVERY, Buffer
from mail_proxy.store import Claimed

Claim = Callable[..., Claimed]


def drain(buffer: Buffer) -> list[Claimed]:
    taken = []
    while (message := buffer.take()) is not None:
        taken.append(message)
    return taken


def pks(messages: Iterable[Claimed]) -> list[int]:
    return [message.pk for message in messages]


class Queue:
    """A store of one account, of which claims take as the real one does."""

    def __init__(self, waiting: Iterable[Claimed]) -> None:
        order = sorted(waiting, key=lambda m: (m.priority, m.due_at, m.pk))
        self._by_priority = [deque(m for m in order if m.priority == p) for p in range(4)]

    def claim(self, limit: int, lower: int) -> tuple[list[Claimed], set[int]]:
        """What is claimed, and the pks that are not due by strict order."""
        filled = [queue for queue in self._by_priority if queue]
        claimed: list[Claimed] = []
        for _ in range(min(lower, limit)):
            below = [queue for queue in filled[1:] if queue]
            if below:
                oldest = min(below, key=lambda queue: (queue[0].due_at, queue[0].pk))
                claimed.append(oldest.popleft())
        lower_ones = set(pks(claimed))
        while len(claimed) < limit and (left := [queue for queue in filled if queue]):
            claimed.append(left[0].popleft())
            lower_ones = lower_ones if left[0] is filled[0] else set()
        return sorted(claimed, key=lambda m: (m.priority, m.due_at, m.pk)), lower_ones


def sent_from(queue: Queue, *, claim: int) -> list[Claimed]:
    """All messages in the order of MAIL FROM, claimed `claim` at a time when half are begun."""
    buffer, sent = Buffer(), []
    while True:
        if len(buffer) <= claim // 2:
            messages, lower = queue.claim(claim, buffer.lower_among(claim))
            buffer.add(messages, lower=lower)
        message = buffer.take()
        if message is None:
            return sent
        sent.append(message)


def test_it_gives_by_priority_then_due_time_then_arrival(claimed: Claim) -> None:
    buffer = Buffer()
    buffer.add([claimed(4), claimed(2, due_at=-1.0), claimed(3, priority=0), claimed(1)])
    assert pks(drain(buffer)) == [3, 2, 1, 4]


def test_some_are_begun_when_nothing_else_is_left(claimed: Claim) -> None:
    buffer = Buffer()
    buffer.add([claimed(1, priority=0), claimed(2)], is_last=lambda pk: pk == 1)
    assert (len(buffer), buffer.immediate) == (2, 0)
    assert pks(drain(buffer)) == [2, 1]
    assert len(buffer) == 0


def test_the_lowest_is_the_one_that_is_begun_last(claimed: Claim) -> None:
    buffer = Buffer()
    assert buffer.lowest() is None
    buffer.add([claimed(1, priority=1), claimed(2, priority=3), claimed(3, priority=3)])
    assert buffer.lowest() == claimed(3, priority=3)


def test_what_is_taken_back_is_not_given_any_more(claimed: Claim) -> None:
    buffer = Buffer()
    buffer.add([claimed(1), claimed(2), claimed(3, priority=0)], is_last=lambda pk: pk == 1)
    assert sorted(pks(buffer.take_back(lambda message: message.pk != 2))) == [1, 3]
    assert pks(drain(buffer)) == [2]


def test_every_twentieth_slot_goes_to_the_oldest_lower_one_while_high_ones_wait(
    claimed: Claim,
) -> None:
    high = [claimed(n, priority=1) for n in range(1000)]
    low = [claimed(2000 + n, priority=3, due_at=float(n)) for n in range(100)]
    for claim in (1, 4, 50, 250):
        order = sent_from(Queue([*high, *low]), claim=claim)
        slots = [n for n, message in enumerate(order[:1000], 1) if message.priority == 3]
        assert slots == list(range(20, 1001, 20)), claim
        assert pks(m for m in order if m.priority == 3) == list(range(2000, 2100))


def test_of_several_lower_priorities_the_oldest_message_goes(claimed: Claim) -> None:
    waiting = [claimed(n, priority=0) for n in range(200)]
    for age, priority in enumerate((3, 1, 2, 3, 1), 1):
        waiting.append(claimed(1000 - age, priority=priority, due_at=-float(age)))
    order = sent_from(Queue(waiting), claim=50)
    lower = [m.priority for m in order[:100] if m.priority]
    assert lower == [1, 3, 2, 1, 3]


def test_a_lower_one_that_comes_late_has_the_next_slot_and_none_for_the_time_before(
    claimed: Claim,
) -> None:
    buffer = Buffer()
    buffer.add([claimed(n) for n in range(200)])
    for _ in range(70):
        buffer.take()
    low = [claimed(1000 + n, priority=3) for n in range(5)]
    buffer.add(low)
    order = drain(buffer)
    assert [n for n, m in enumerate(order, 1) if m.priority == 3][:3] == [1, 21, 41]


def test_lower_ones_that_were_begun_while_no_higher_one_was_here_have_had_their_slots(
    claimed: Claim,
) -> None:
    buffer = Buffer()
    buffer.add([claimed(1), claimed(1001, priority=3)], lower={1001})
    assert pks(drain(buffer)) == [1, 1001]  # slot 2 instead of slot 20: the next one is 40
    assert buffer.lower_among(2 * LOWER_EVERY - 3) == 0
    assert buffer.lower_among(2 * LOWER_EVERY - 2) == 1


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), max_size=300),
    st.integers(1, 60),
)
def test_nothing_is_lost_and_lower_ones_never_have_more_than_one_slot_in_twenty(
    shape: list[tuple[int, int]], claim: int
) -> None:
    waiting = [_message(pk, priority, due) for pk, (priority, due) in enumerate(shape)]
    order = sent_from(Queue(waiting), claim=claim)
    assert sorted(pks(order)) == list(range(len(waiting)))
    left = [sum(m.priority == p for m in waiting) for p in range(4)]
    lower_slots = []
    for slot, message in enumerate(order):
        if any(left[p] for p in range(message.priority)):
            lower_slots.append(slot)
        left[message.priority] -= 1
    gaps = [b - a for a, b in pairwise(lower_slots)]
    assert all(gap >= LOWER_EVERY for gap in gaps)
    assert not lower_slots or lower_slots[0] >= LOWER_EVERY - 1


def _message(pk: int, priority: int, due: int) -> Claimed:
    return Claimed(
        tenant_id="acme",
        pk=pk,
        id=f"m{pk}",
        account_id="main",
        priority=priority,
        tries=0,
        created_at=0.0,
        expires_at=None,
        rfc_message_id="<m@acme.example>",
        return_path="",
        recipients=(),
        content=b"",
        lease_token=7,
        due_at=float(due),
        queued_at=0.0,
    )
