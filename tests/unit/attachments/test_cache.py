"""What was fetched once, by tenant and MD5: kept within bounds, checked, and never a fault."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import logging
import os
from pathlib import Path

import pytest

from mail_proxy.attachments.cache import DiskTier, MemoryTier, disk_folder, shelf
from mail_proxy.attachments.workfiles import Algorithm, Hash, Octets
from mail_proxy.config.settings import AttachmentSettings, CacheSettings
from mail_proxy.domain.attachment import Attachment, Mode
from mail_proxy.threads import ThreadPool
from tests.patience import PATIENCE_S

DATA = bytes(range(256)) * 1000


def md5(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


def read(landed) -> bytes:
    return b"".join(landed.content.blocks())


def octets(data: bytes) -> Octets:
    return Octets(len(data), Hash(Algorithm.MD5, md5(data)), data)


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path / "kept"


@pytest.fixture
async def disk(folder, clock):
    """Disk tiers over one folder."""
    threads = ThreadPool(2, "cache")

    async def opened(max_bytes: int = 1_000_000, ttl_s: float = 100.0) -> DiskTier:
        tier = DiskTier(folder, max_bytes, ttl_s, clock, threads)
        await tier.open()
        return tier

    yield opened
    threads.close()


async def put(tier: DiskTier, data: bytes = DATA, tenant: str = "acme"):
    return await tier.put(tenant, md5(data), octets(data))


async def kept(tier: DiskTier, data: bytes = DATA, tenant: str = "acme") -> bool:
    landed = await tier.get(tenant, md5(data))
    if landed is None:
        return False
    assert read(landed) == data
    landed.close()
    return True


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


async def until(is_so) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not is_so():  # noqa: ASYNC110 - a thread does it
            await asyncio.sleep(0.001)


# --- memory ---


def test_memory_keeps_what_was_used_last(clock):
    tier = MemoryTier(25, 100.0, clock)
    for name in "abc":
        tier.put(("t", name), b"x" * 10)
        tier.get(("t", "a"))
    assert [tier.get(("t", name)) is not None for name in "abc"] == [True, False, True]
    assert tier.size_bytes == 20
    tier.put(("t", "d"), b"x" * 26)
    assert tier.get(("t", "d")) is None
    clock.moved_s += 101
    assert tier.get(("t", "a")) is None
    assert tier.size_bytes == 10


def test_memory_forgets_one_tenant_or_all(clock):
    tier = MemoryTier(100, 100.0, clock)
    tier.put(("t", "a"), b"x")
    tier.put(("u", "a"), b"x")
    assert tier.clear("t") == 1
    assert tier.get(("u", "a")) == b"x"
    assert tier.clear(None) == 1
    assert (len(tier), tier.size_bytes) == (0, 0)


# --- disk ---


async def test_what_is_kept_is_private_and_found_after_a_restart(disk, folder):
    (await put(await disk())).close()
    assert await kept(await disk())
    (path,) = files(folder)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


async def test_a_tenant_does_not_find_what_another_has(disk):
    tier = await disk()
    (await put(tier)).close()
    assert not await kept(tier, tenant="other")
    (await put(tier, tenant="other")).close()
    assert tier.clear("acme") == 1
    assert await kept(tier, tenant="other")


async def test_what_was_used_longest_ago_makes_room(disk, folder):
    tier = await disk(max_bytes=25_000)
    contents = [os.urandom(10_000) for _ in range(3)]
    for data in contents:
        (await put(tier, data)).close()
        assert await kept(tier, contents[0])
    assert [await kept(tier, data) for data in contents] == [True, False, True]
    assert tier.size_bytes == 20_000
    await until(lambda: len(files(folder)) == 2)


async def test_what_is_in_use_stays_and_goes_when_it_is_not(disk, folder):
    tier = await disk(max_bytes=15_000)
    first, second = os.urandom(10_000), os.urandom(10_000)
    held = await put(tier, first)
    assert await put(tier, second) is None  # there is no room beside it
    tier.clear(None)
    assert read(held) == first
    held.close()
    await until(lambda: not files(folder))
    (await put(tier, second)).close()
    assert await kept(tier, second)


async def test_its_time_ends_also_over_a_restart(disk, folder, clock):
    (await put(await disk())).close()
    clock.moved_s += 101
    tier = await disk()
    assert not await kept(tier)
    await until(lambda: not files(folder))
    assert tier.size_bytes == 0


@pytest.mark.parametrize("changed", [DATA[::-1], DATA[:-1], b"", DATA + b"x"])
@pytest.mark.parametrize("restart", [False, True])
async def test_what_was_changed_or_torn_is_not_found(disk, folder, changed, restart):
    tier = await disk()
    (await put(tier)).close()
    (path,) = files(folder)
    path.write_bytes(changed)
    tier = await disk() if restart else tier
    assert not await kept(tier)
    await until(lambda: not files(folder))
    (await put(tier)).close()
    assert await kept(tier)


async def test_a_file_that_nobody_touched_is_not_hashed_again(disk, monkeypatch):
    tier = await disk()
    (await put(tier)).close()
    monkeypatch.setattr(shelf, "Hashing", None)
    assert await kept(tier)


async def test_a_link_in_the_place_of_a_file_is_not_followed(disk, folder, tmp_path):
    tier = await disk()
    (await put(tier)).close()
    (path,) = files(folder)
    (tmp_path / "same").write_bytes(DATA)
    path.unlink()
    path.symlink_to(tmp_path / "same")
    assert not await kept(tier)
    path.unlink(missing_ok=True)
    path.symlink_to(tmp_path / "same")
    assert not await kept(await disk())
    assert (tmp_path / "same").read_bytes() == DATA


async def test_what_is_not_ours_is_left_alone(disk, folder):
    folder.mkdir()
    (folder / "README").write_text("mine")
    (folder / ("0" * 32)).mkdir()
    (folder / ("0" * 32) / "notes").write_text("mine")
    half = folder / ("0" * 32) / f"{'a' * 64}-{'b' * 16}.new"
    half.write_text("half")
    tier = await disk()
    (await put(tier)).close()
    assert await kept(tier)
    assert not half.exists()
    assert (folder / "README").read_text() == "mine"
    assert (folder / ("0" * 32) / "notes").read_text() == "mine"


async def test_a_folder_that_vanishes_is_made_anew(disk, folder):
    tier = await disk()
    (await put(tier)).close()
    folder.rename(folder.with_name("gone"))
    assert not await kept(tier)
    (await put(tier)).close()
    assert await kept(tier)


async def test_a_disk_that_fails_is_told_of_once_and_costs_nothing_else(
    disk, folder, monkeypatch, caplog
):
    tier = await disk()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as broken, caplog.at_level(logging.WARNING, "mail_proxy"):
        broken.setattr(shelf, "_write", full)
        assert await put(tier) is None
        assert await put(tier, b"other") is None
    told = [record for record in caplog.records if "cache_unusable" in record.getMessage()]
    assert len(told) == 1
    assert files(folder) == []
    (await put(tier)).close()
    assert await kept(tier)


async def test_a_write_that_breaks_off_leaves_no_half_file(tmp_path):
    def blocks():
        yield b"half"
        raise OSError(errno.ENOSPC, "full")

    with pytest.raises(OSError, match="full"):
        shelf._write(tmp_path / "x", blocks())
    assert list(tmp_path.iterdir()) == []


async def test_a_file_where_the_folder_should_be_turns_the_tier_off(disk, folder, caplog):
    folder.write_text("a file")
    tier = await disk()
    assert await put(tier) is None
    assert not await kept(tier)


# --- as one ---


async def test_the_tiers_are_counted_and_cleared(open_manager, origin, server):
    small, large = b"x" * 1000, b"y" * 200_000
    server.files |= {"/s": small, "/l": large}
    asked = [
        Attachment("a", Mode.HTTP_URL, server.url("/s"), content_md5=md5(small)),
        Attachment("b", Mode.HTTP_URL, server.url("/l"), content_md5=md5(large)),
    ]
    async with open_manager() as manager:
        for _ in range(3):
            (await manager.fetch(origin, asked)).close()
        stats = await manager.cache.stats()
        assert (stats.memory.items, stats.memory.size_bytes, stats.memory.hits) == (1, 1000, 2)
        assert (stats.disk.items, stats.disk.size_bytes, stats.disk.hits) == (1, 200_000, 2)
        assert stats.disk.misses == 2
        assert await manager.cache.clear("other") == 0
        assert await manager.cache.clear("acme") == 2
        (await manager.fetch(origin, asked)).close()
    assert len(server.requests) == 4


async def test_the_threshold_tells_the_tiers_apart(open_manager, origin, server):
    server.files |= {"/s": b"x" * 5000, "/l": b"y" * 300_000}
    for threshold, in_memory_items in ((1024, 0), (1_000_000, 2)):
        cache = CacheSettings(threshold_bytes=threshold)
        async with open_manager(AttachmentSettings(), cache) as manager:
            for path, data in server.files.items():
                url = server.url(path)
                asked = Attachment("a", Mode.HTTP_URL, url, content_md5=md5(data))
                for _ in range(2):
                    fetched = await manager.fetch(origin, [asked])
                    assert b"".join(fetched.contents[0].blocks()) == data
                    fetched.close()
            stats = await manager.cache.stats()
            assert stats.memory.items == in_memory_items
            assert stats.disk.items == 2 - in_memory_items
            await manager.cache.clear()


async def test_instances_that_share_a_folder_share_no_content(tmp_path, open_manager):
    cache = CacheSettings(disk_dir=str(tmp_path / "shared"))
    folders = {disk_folder(cache, tmp_path / name) for name in ("one", "two")}
    assert len(folders) == 2
    assert {folder.parent for folder in folders} == {tmp_path / "shared"}


async def test_what_lies_on_the_disk_is_told_and_cleared_before_anything_is_fetched(
    open_manager, origin, server
):
    server.files["/l"] = DATA
    asked = [Attachment("a", Mode.HTTP_URL, server.url("/l"), content_md5=md5(DATA))]
    async with open_manager() as manager:
        (await manager.fetch(origin, asked)).close()
    async with open_manager() as manager:
        assert (await manager.cache.stats()).disk.items == 1
    async with open_manager() as manager:
        assert await manager.cache.clear("acme") == 1
        (await manager.fetch(origin, asked)).close()
    assert len(server.requests) == 2


async def test_what_was_left_by_a_daemon_that_was_killed_is_removed(
    open_manager, origin, server, tmp_path
):
    left = tmp_path / "cache" / "fetched" / f"{'0' * 32}.fetched"
    left.parent.mkdir(parents=True)
    left.write_bytes(DATA)
    server.files["/l"] = DATA
    async with open_manager() as manager:
        assert left.exists()
        (await manager.fetch(origin, [Attachment("a", Mode.HTTP_URL, server.url("/l"))])).close()
        assert not left.exists()
