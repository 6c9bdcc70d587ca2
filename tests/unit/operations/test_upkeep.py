from __future__ import annotations

import time

import pytest

from mail_proxy.domain.errors import StoreUnavailable
from mail_proxy.domain.state import Event
from mail_proxy.operations import Upkeep
from mail_proxy.operations.upkeep import KEEP_PAGES, SHRINK_PAGES, pages_to_free


@pytest.mark.parametrize(
    ("free", "pages", "expected"),
    [
        (0, 10, 0),
        (KEEP_PAGES, 5000, 0),
        (KEEP_PAGES + 7, 5000, 7),
        (3000, 30_000, 0),  # a tenth of a large file
        (3005, 30_000, 5),
    ],
)
def test_some_free_pages_are_kept_for_the_next_messages(free, pages, expected):
    assert pages_to_free(free, pages) == expected


class Disk:
    """The store, whose file has that many pages."""

    is_key_replaced = True

    def __init__(self, free: int) -> None:
        self.free = free
        self.steps: list[int] = []

    async def free_pages(self) -> tuple[int, int]:
        return self.free, 5000

    async def shrink(self, pages: int) -> None:
        self.steps.append(pages)
        self.free -= pages


@pytest.fixture
def on_disk(house):
    def make(free: int) -> tuple[Upkeep, Disk]:
        disk = Disk(free)
        object.__setattr__(house.context, "store", disk)
        return Upkeep(house.context), disk

    return make


async def test_the_file_shrinks_in_small_steps(on_disk):
    upkeep, disk = on_disk(KEEP_PAGES + SHRINK_PAGES + 3)
    await upkeep.shrink()
    assert disk.steps == [SHRINK_PAGES, 3]


async def test_a_file_that_gives_no_page_back_is_tried_once_a_round(on_disk, monkeypatch):
    upkeep, disk = on_disk(KEEP_PAGES + 5)

    async def shrink(pages: int) -> None:
        disk.steps.append(pages)

    monkeypatch.setattr(disk, "shrink", shrink)
    await upkeep.shrink()
    assert disk.steps == [5]


async def test_it_waits_while_mail_is_on_its_way(house, on_disk):
    upkeep, disk = on_disk(KEEP_PAGES + 5)
    house.engine.connections = 1
    await upkeep.shrink()
    assert disk.steps == []


async def test_a_stop_ends_it_between_two_steps(on_disk):
    upkeep, disk = on_disk(KEEP_PAGES + 5)
    upkeep.stop()
    await upkeep.shrink()
    assert disk.steps == []


async def test_old_messages_and_old_commands_go(house):
    house.clock.at = time.time()  # lines of the command log are as old as their keys
    await house.tenant("acme", "main")
    await house.post(house.mail("m1"))
    (claimed,) = await house.claim("acme", "main")
    await house.finish(claimed, Event.ACCEPT)
    reports = await house.store.unreported("acme", limit=9)
    await house.store.mark_reported("acme", reports, now=house.clock.now())
    settings = house.context.settings.reports

    async def left() -> int:
        return len((await house.call("listMessages"))["messages"])

    upkeep = Upkeep(house.context)
    house.clock.at += settings.retention_s - 5
    await upkeep.clean_up()
    assert await left() == 1
    house.clock.at += 10
    await upkeep.clean_up()
    assert await left() == 0
    house.clock.at += settings.command_log_s
    await upkeep.clean_up()
    assert await house.store.cleanup_commands(before=time.time() + 9) == 0


async def test_a_store_that_is_away_ends_one_round_and_no_more(house, on_disk):
    upkeep, disk = on_disk(KEEP_PAGES + 5)

    async def away(*_: object, **__: object) -> int:
        upkeep.stop()
        raise StoreUnavailable("locked")

    disk.cleanup_messages = away
    await upkeep.run()
