"""Keys grow, whatever the clock does."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from mail_proxy.store.keys import EPOCH_MS, KeyMaker, next_pk


def clock(*milliseconds: int):
    """Gives these times after the epoch of keys, one a call; the last one for ever."""
    left = list(milliseconds)

    def now_ns() -> int:
        return (EPOCH_MS + (left.pop(0) if len(left) > 1 else left[0])) * 1_000_000

    return now_ns


def test_a_key_tells_the_millisecond_the_process_and_the_sequence():
    maker = KeyMaker(clock(5), process=3)

    assert [maker.next(), maker.next()] == [5 << 22 | 3 << 12, 5 << 22 | 3 << 12 | 1]


def test_keys_grow_when_the_clock_goes_back():
    maker = KeyMaker(clock(9, 2, 1, 9), process=0)

    keys = [maker.next() for _ in range(4)]

    assert keys == sorted(set(keys))


def test_more_keys_than_a_sequence_holds_run_ahead_of_the_clock():
    maker = KeyMaker(clock(1), process=1023)

    keys = [maker.next() for _ in range(10_000)]

    assert keys == sorted(set(keys))
    assert keys[-1] >> 22 == 3


def test_a_later_millisecond_gives_a_greater_key_in_any_process():
    assert KeyMaker(clock(7), process=0).next() > KeyMaker(clock(6), process=1023).next()


def test_keys_of_today_fit_63_bits():
    assert 0 < next_pk() < 2**63


def test_threads_never_get_the_same_key():
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: [next_pk() for _ in range(2000)], range(4)))

    assert len({key for keys in found for key in keys}) == 8000
    assert all(keys == sorted(keys) for keys in found)
