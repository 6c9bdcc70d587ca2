"""The contents of a message's attachments: the same octets as at their source, and then gone.

It is long, for whatever one call of `fetch` may meet is tried here.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import threading
from dataclasses import replace

import pytest
from aiohttp import web

from mail_proxy.attachments.folders import open_inside
from mail_proxy.config.settings import AttachmentSettings, CacheSettings
from mail_proxy.domain.attachment import Attachment, Mode, Spooled
from mail_proxy.domain.content import BytesContent
from mail_proxy.domain.errors import AttachmentFailed, ContentChanged
from tests.patience import PATIENCE_S

# The first pair that was published: X. Wang and others, 2004.
COLLIDING = (
    bytes.fromhex(
        "d131dd02c5e6eec4693d9a0698aff95c2fcab58712467eab4004583eb8fb7f89"
        "55ad340609f4b30283e488832571415a085125e8f7cdc99fd91dbdf280373c5b"
        "d8823e3156348f5bae6dacd436c919c6dd53e2b487da03fd02396306d248cda0"
        "e99f33420f577ee8ce54b67080a80d1ec69821bcb6a8839396f9652b6ff72a70"
    ),
    bytes.fromhex(
        "d131dd02c5e6eec4693d9a0698aff95c2fcab50712467eab4004583eb8fb7f89"
        "55ad340609f4b30283e4888325f1415a085125e8f7cdc99fd91dbd7280373c5b"
        "d8823e3156348f5bae6dacd436c919c6dd53e23487da03fd02396306d248cda0"
        "e99f33420f577ee8ce54b67080280d1ec69821bcb6a8839396f965ab6ff72a70"
    ),
)
LARGE = bytes(range(256)) * 4096  # 1 MiB


def read(content) -> bytes:
    return b"".join(content.blocks())


def by_url(url, **more):
    return Attachment("a.bin", Mode.HTTP_URL, url, **more)


def md5(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


async def until_removed(folder) -> None:
    """Files go in a thread."""
    async with asyncio.timeout(PATIENCE_S):
        while list(folder.iterdir()):  # noqa: ASYNC110 - a thread removes them
            await asyncio.sleep(0.001)


# --- where it comes from ---


@pytest.mark.parametrize("data", [b"", b"a", b"x" * 102_400, b"x" * 102_401, LARGE])
async def test_each_mode_brings_the_octets_of_its_source(manager, origin, server, tmp_path, data):
    server.files |= {"/f": data, "/mail-proxy/attachments": data}
    (origin.folders[0] / "f").write_bytes(data)
    fetched = await manager.fetch(
        origin,
        [
            by_url(server.url("/f")),
            Attachment("b", Mode.ENDPOINT, "f"),
            Attachment("c", Mode.FILESYSTEM, "f"),
            Attachment("d", Mode.FILESYSTEM, str(origin.folders[0] / "f")),
            Attachment("e", Mode.BASE64, base64.b64encode(data).decode().rstrip("=")),
        ],
    )
    assert [read(content) for content in fetched.contents] == [data] * 5
    assert [content.size_bytes for content in fetched.contents] == [len(data)] * 5
    fetched.close()
    await until_removed(tmp_path / "cache" / "fetched")
    assert manager.held_bytes == 0


async def test_the_endpoint_is_asked_with_the_login_of_its_tenant(manager, origin, server):
    server.files["/api/files"] = b"x"
    asked = replace(
        origin,
        client_base_url=server.url("/api/"),
        client_attachment_path="/files",
        client_auth={"method": "bearer", "token": "its-own"},
    )
    fetched = await manager.fetch(asked, [Attachment("a", Mode.ENDPOINT, "doc:1?x")])
    assert server.posted == [{"storage_path": "doc:1?x"}]
    assert server.requests[0].headers["Authorization"] == "Bearer its-own"
    fetched.close()


async def test_an_auth_of_the_attachment_is_used_instead(manager, origin, server):
    server.files["/mail-proxy/attachments"] = b"x"
    asked = replace(origin, client_auth={"method": "bearer", "token": "its-own"})
    auth = {"method": "basic", "user": "u", "password": "p"}
    fetched = await manager.fetch(asked, [Attachment("a", Mode.ENDPOINT, "1", auth=auth)])
    assert server.requests[0].headers["Authorization"] == "Basic dTpw"
    fetched.close()


async def test_a_url_and_a_server_in_a_message_never_get_the_login_of_the_tenant(
    manager, origin, server
):
    server.files |= {"/f": b"x", "/other": b"y"}
    asked = replace(origin, client_auth={"method": "bearer", "token": "its-own"})
    named = Attachment("a", Mode.ENDPOINT, "p=1", server=server.url("/other"))
    fetched = await manager.fetch(asked, [by_url(server.url("/f")), named])
    assert not any("Authorization" in request.headers for request in server.requests)
    assert server.posted == [{"storage_path": "p=1"}]
    fetched.close()


async def test_a_tenant_without_a_url_is_served_by_that_of_the_instance(
    open_manager, origin, server
):
    server.files["/mail-proxy/attachments"] = b"x"
    settings = AttachmentSettings(base_url=server.url(""))
    async with open_manager(settings) as manager:
        nobody = replace(origin, client_base_url=None)
        fetched = await manager.fetch(nobody, [Attachment("a", Mode.ENDPOINT, "1")])
        assert read(fetched.contents[0]) == b"x"
        fetched.close()


async def test_what_is_spooled_is_opened_by_the_caller(manager, origin):
    part = Spooled(0, 3, "0" * 64)
    spooled = Attachment("a", Mode.BASE64, spooled=part)
    fetched = await manager.fetch(origin, [spooled], open_spooled=lambda _: BytesContent(b"abc"))
    assert read(fetched.contents[0]) == b"abc"


# --- what is read is what was fetched ---


async def test_a_file_that_changes_after_it_was_fetched_is_not_the_content(
    manager, origin, server, tmp_path
):
    server.files["/f"] = LARGE
    fetched = await manager.fetch(origin, [by_url(server.url("/f"))])
    (path,) = (tmp_path / "cache" / "fetched").iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_bytes(LARGE[:-1] + b"!")
    with pytest.raises(ContentChanged):
        read(fetched.contents[0])
    path.write_bytes(LARGE[:-1])
    with pytest.raises(ContentChanged):
        read(fetched.contents[0])
    fetched.close()


async def test_a_file_that_is_gone_is_told_without_its_path(manager, origin, server, tmp_path):
    server.files["/f"] = LARGE
    fetched = await manager.fetch(origin, [by_url(server.url("/f"))])
    (path,) = (tmp_path / "cache" / "fetched").iterdir()
    path.unlink()
    with pytest.raises(ContentChanged) as caught:
        read(fetched.contents[0])
    assert str(caught.value) == "a file that was fetched cannot be read: No such file or directory"
    fetched.close()


async def test_a_source_that_changes_later_does_not_change_what_is_sent(manager, origin):
    path = origin.folders[0] / "f"
    path.write_bytes(LARGE)
    fetched = await manager.fetch(origin, [Attachment("a", Mode.FILESYSTEM, "f")])
    path.write_bytes(b"other")
    assert read(fetched.contents[0]) == LARGE
    fetched.close()


async def test_another_md5_than_was_declared_is_a_failure_that_may_pass(manager, origin, server):
    server.files["/f"] = b"new"
    with pytest.raises(AttachmentFailed, match="does not have its content_md5") as caught:
        await manager.fetch(origin, [by_url(server.url("/f"), content_md5=md5(b"old"))])
    assert not caught.value.is_permanent
    posted = Attachment("a", Mode.BASE64, "YQ==", content_md5=md5(b"b"))
    with pytest.raises(AttachmentFailed, match="does not have its content_md5") as caught:
        await manager.fetch(origin, [posted])
    assert caught.value.is_permanent


# --- one fetch for all ---


@pytest.mark.parametrize("has_md5", [True, False])
@pytest.mark.parametrize("size", [10, 200_000])
async def test_a_thousand_that_were_accepted_together_cause_one_fetch(
    manager, origin, server, clock, size, has_md5
):
    server.files["/f"] = b"x" * size
    more = {"content_md5": md5(b"x" * size)} if has_md5 else {}
    wanted = [by_url(server.url("/f"), **more)]
    accepted_at = clock.now()
    all_fetched = await asyncio.gather(
        *(manager.fetch(origin, wanted, asked_at=accepted_at) for _ in range(500)),
    )
    all_fetched += [await manager.fetch(origin, wanted, asked_at=accepted_at) for _ in range(500)]
    assert len(server.requests) == 1
    assert {fetched.contents[0].size_bytes for fetched in all_fetched} == {size}
    for fetched in all_fetched:
        fetched.close()
    assert manager.held_bytes == 0


async def test_the_file_goes_with_the_last_that_holds_it(manager, origin, server, tmp_path):
    server.files["/f"] = LARGE
    wanted = [by_url(server.url("/f"))]
    first, second = [await manager.fetch(origin, wanted, asked_at=0.0) for _ in range(2)]
    assert len(server.requests) == 1
    first.close()
    first.close()
    assert read(second.contents[0]) == LARGE
    second.close()
    await until_removed(tmp_path / "cache" / "fetched")


async def test_a_content_that_is_held_long_is_not_handed_on_for_ever(
    manager, origin, server, clock
):
    server.files["/f"] = b"old"
    first = await manager.fetch(origin, [by_url(server.url("/f"))])
    server.files["/f"] = b"new"
    clock.moved_s += 11
    second = await manager.fetch(origin, [by_url(server.url("/f"))], asked_at=0.0)
    assert (read(first.contents[0]), read(second.contents[0])) == (b"old", b"new")
    first.close()
    second.close()


async def test_a_message_that_is_accepted_after_a_fetch_began_has_what_is_there_then(
    manager, origin, server, clock
):
    async def slow(request: web.Request) -> web.Response:
        data = server.files["/f"]
        asked.set()
        await server.release.wait()
        return web.Response(body=data)

    asked = asyncio.Event()
    server.handlers["/f"] = slow
    server.files["/f"] = b"old"
    wanted = [by_url(server.url("/f"))]
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(manager.fetch(origin, wanted, asked_at=clock.now()))
        await asked.wait()
        server.files["/f"] = b"new"
        clock.moved_s += 1
        under_way = tasks.create_task(manager.fetch(origin, wanted, asked_at=clock.now()))
        await asyncio.sleep(0)
        server.release.set()
    server.files["/f"] = b"newest"
    clock.moved_s += 1
    landed = await manager.fetch(origin, wanted, asked_at=clock.now())
    unsaid = await manager.fetch(origin, wanted)
    all_fetched = [first.result(), under_way.result(), landed, unsaid]
    found = [read(fetched.contents[0]) for fetched in all_fetched]
    assert found == [b"old", b"new", b"newest", b"newest"]
    for fetched in all_fetched:
        fetched.close()
    assert manager.held_bytes == 0


async def test_one_that_gives_up_does_not_harm_the_others(manager, origin, server):
    async def slow(request: web.Request) -> web.Response:
        asked.set()
        await server.release.wait()
        return web.Response(body=b"x")

    asked = asyncio.Event()
    server.handlers["/f"] = slow
    wanted = [by_url(server.url("/f"))]
    async with asyncio.TaskGroup() as tasks:
        first, second = [
            tasks.create_task(manager.fetch(origin, wanted, asked_at=0.0)) for _ in range(2)
        ]
        await asked.wait()
        first.cancel()
        server.release.set()
    assert read(second.result().contents[0]) == b"x"
    assert len(server.requests) == 1
    second.result().close()


async def test_what_nobody_waits_for_is_given_up(manager, origin, server, tmp_path):
    async def endless(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        try:
            while True:
                await answer.write(bytes(100_000))
                asked.set()
                await asyncio.sleep(0.001)
        except (ConnectionError, asyncio.CancelledError):
            gone.set()
            raise

    asked, gone = asyncio.Event(), asyncio.Event()
    server.handlers["/f"] = endless
    async with asyncio.TaskGroup() as tasks:
        asking = tasks.create_task(manager.fetch(origin, [by_url(server.url("/f"))]))
        await asked.wait()
        asking.cancel()
    await gone.wait()
    await until_removed(tmp_path / "cache" / "fetched")
    assert manager.held_bytes == 0


async def test_a_failure_is_shared_with_those_that_wait_and_with_no_later_one(
    manager, origin, server, clock
):
    wanted = [by_url(server.url("/f"))]
    accepted_at = clock.now()
    failed = await asyncio.gather(
        *(manager.fetch(origin, wanted, asked_at=accepted_at) for _ in range(20)),
        return_exceptions=True,
    )
    assert {str(error) for error in failed} == {
        "Attachment fetch failed for a.bin: 127.0.0.1 answered 404 (Not Found)"
    }
    assert len(server.requests) == 1
    server.files["/f"] = b"x"
    (await manager.fetch(origin, wanted)).close()


async def test_tenants_do_not_share_a_fetch(manager, origin, server):
    server.files["/f"] = b"x"
    wanted = [by_url(server.url("/f"))]
    both = await asyncio.gather(
        *(manager.fetch(replace(origin, tenant_id=name), wanted) for name in ("a", "b"))
    )
    assert len(server.requests) == 2
    for fetched in both:
        fetched.close()


# --- the cache ---


@pytest.mark.parametrize("data", [b"small", LARGE])
async def test_what_has_an_md5_is_fetched_once(manager, origin, server, data):
    server.files["/f"] = data
    wanted = [by_url(server.url("/f"), content_md5=md5(data))]
    for _ in range(3):
        fetched = await manager.fetch(origin, wanted)
        assert read(fetched.contents[0]) == data
        fetched.close()
    assert len(server.requests) == 1


async def test_a_large_one_is_not_fetched_again_after_a_restart(open_manager, origin, server):
    server.files["/f"] = LARGE
    wanted = [by_url(server.url("/f"), content_md5=md5(LARGE))]
    for _ in range(2):
        async with open_manager() as manager:
            fetched = await manager.fetch(origin, wanted)
            assert read(fetched.contents[0]) == LARGE
            fetched.close()
    assert len(server.requests) == 1


async def test_two_tenants_with_one_md5_never_get_the_others_content(
    manager, origin, server, tmp_path
):
    server.files["/f"] = LARGE
    wanted = [by_url(server.url("/f"), content_md5=md5(LARGE))]
    (await manager.fetch(origin, wanted)).close()
    other = replace(origin, tenant_id="other")
    server.files.clear()
    with pytest.raises(AttachmentFailed, match="404"):
        await manager.fetch(other, wanted)


async def test_two_contents_with_one_md5_are_never_taken_for_one_another(
    open_manager, origin, server
):
    """A published collision, as it is and, for the disk, with the same bytes after it."""
    for more, tier in ((b"", "memory"), (bytes(200_000), "disk")):
        first, second = COLLIDING[0] + more, COLLIDING[1] + more
        assert md5(first) == md5(second)
        assert first != second
        server.files |= {f"/{tier}/1": first, f"/{tier}/2": second}
        async with open_manager() as manager:
            for _ in range(2):
                for n, data in ((1, first), (2, second)):
                    its = replace(origin, tenant_id=f"tenant{n}")
                    wanted = by_url(server.url(f"/{tier}/{n}"), content_md5=md5(data))
                    fetched = await manager.fetch(its, [wanted])
                    assert read(fetched.contents[0]) == data
                    fetched.close()
            assert getattr(await manager.cache.stats(), tier).items == 2
    assert len(server.requests) == 4


async def test_a_cached_file_that_was_changed_is_fetched_again(manager, origin, server, tmp_path):
    server.files["/f"] = LARGE
    wanted = [by_url(server.url("/f"), content_md5=md5(LARGE))]
    (await manager.fetch(origin, wanted)).close()
    (path,) = [p for p in (tmp_path / "cache" / "kept").rglob("*") if p.is_file()]
    path.write_bytes(LARGE[::-1])
    fetched = await manager.fetch(origin, wanted)
    assert read(fetched.contents[0]) == LARGE
    assert len(server.requests) == 2
    fetched.close()


async def test_a_cached_file_that_changes_while_it_is_sent_is_not_sent(
    manager, origin, server, tmp_path
):
    server.files["/f"] = LARGE
    wanted = [by_url(server.url("/f"), content_md5=md5(LARGE))]
    fetched = await manager.fetch(origin, wanted)
    (path,) = [p for p in (tmp_path / "cache" / "kept").rglob("*") if p.is_file()]
    path.write_bytes(LARGE[::-1])
    with pytest.raises(ContentChanged):
        read(fetched.contents[0])
    fetched.close()
    again = await manager.fetch(origin, wanted)
    assert read(again.contents[0]) == LARGE
    again.close()


async def test_without_a_cache_everything_is_fetched(open_manager, origin, server):
    server.files["/f"] = LARGE
    async with open_manager(None, CacheSettings(memory_max_bytes=0, disk_max_bytes=0)) as manager:
        for _ in range(2):
            wanted = [by_url(server.url("/f"), content_md5=md5(LARGE))]
            (await manager.fetch(origin, wanted)).close()
    assert len(server.requests) == 2


# --- what lies in the way ---


async def test_a_share_that_hangs_holds_up_its_own_tenant_alone(
    manager, origin, tmp_path, monkeypatch
):
    gate = threading.Event()
    away = tmp_path / "away"

    def opened(folders, location):
        if away in folders:
            gate.wait(2 * PATIENCE_S)
        return open_inside(folders, location)

    monkeypatch.setattr("mail_proxy.attachments.sources.open_inside", opened)
    (origin.folders[0] / "f").write_bytes(b"here")
    hangs = replace(origin, tenant_id="hangs", folders=(away,))
    wanted = [Attachment("a", Mode.FILESYSTEM, f"{n}") for n in range(3)]
    waiting = [asyncio.ensure_future(manager.fetch(hangs, wanted)) for _ in range(4)]
    try:
        async with asyncio.timeout(PATIENCE_S):
            fetched = await manager.fetch(origin, [Attachment("a", Mode.FILESYSTEM, "f")])
        assert read(fetched.contents[0]) == b"here"
        fetched.close()
    finally:
        for each in waiting:
            each.cancel()
        gate.set()
        await asyncio.gather(*waiting, return_exceptions=True)


async def test_what_a_kill_has_left_goes_at_the_start(open_manager, tmp_path):
    folder = tmp_path / "cache" / "fetched"
    folder.mkdir(parents=True)
    (folder / f"{'0' * 32}.fetched").write_bytes(LARGE)
    async with open_manager():
        await until_removed(folder)
