"""What becomes of an attachment that cannot be had: for good or not, and in which words."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from aiohttp import web

from mail_proxy.attachments import Origin
from mail_proxy.attachments.sources import call_of
from mail_proxy.config.settings import AttachmentSettings
from mail_proxy.domain.attachment import Attachment, Mode
from mail_proxy.domain.errors import AttachmentFailed
from mail_proxy.http_out import NOTHING
from tests.patience import PATIENCE_S

SHORT = AttachmentSettings(timeout_s=0.1, max_bytes=100_000)
ENDPOINT = "/mail-proxy/attachments"


def by_url(url, **more):
    return Attachment("a.bin", Mode.HTTP_URL, url, **more)


def to_endpoint(location="doc"):
    return Attachment("a.bin", Mode.ENDPOINT, location)


async def failure_of(manager, origin, *attachments) -> AttachmentFailed:
    with pytest.raises(AttachmentFailed) as caught:
        await manager.fetch(origin, attachments)
    await until(lambda: not manager.held_bytes)
    return caught.value


async def until(is_so) -> None:
    """What is cancelled lets go a moment later."""
    async with asyncio.timeout(PATIENCE_S):
        while not is_so():  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.001)


def answering(status: int = 200, body: bytes = b"", **headers: str):
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=status, body=body, headers=headers)

    return answer


@pytest.mark.parametrize(
    ("status", "is_permanent"),
    [
        *((400, True), (401, True), (403, True), (404, True), (410, True), (413, True)),
        *((408, False), (425, False), (429, False)),
        *((500, False), (502, False), (503, False), (599, False), (302, False), (304, False)),
    ],
)
@pytest.mark.parametrize("way", ["url", "endpoint"])
async def test_the_status_of_an_answer_tells_whether_it_is_for_good(
    manager, origin, server, status, is_permanent, way
):
    server.handlers |= {"/f": answering(status), ENDPOINT: answering(status)}
    asked = by_url(server.url("/f?token=secret")) if way == "url" else to_endpoint()
    failure = await failure_of(manager, origin, asked)
    text = str(failure)
    assert text.startswith(f"Attachment fetch failed for a.bin: 127.0.0.1 answered {status}")
    assert "secret" not in text
    assert failure.is_permanent is is_permanent


@pytest.mark.parametrize("way", ["url", "endpoint"])
async def test_a_server_that_hangs_is_a_timeout(open_manager, origin, server, way):
    async def hang(request: web.Request) -> web.Response:
        await server.release.wait()
        return web.Response()

    server.handlers |= {"/f": hang, ENDPOINT: hang}
    async with open_manager(SHORT) as manager:
        asked = by_url(server.url("/f")) if way == "url" else to_endpoint()
        failure = await failure_of(manager, origin, asked)
    assert str(failure) == "Attachment a.bin fetch timed out"
    assert not failure.is_permanent


async def test_a_server_that_drips_is_a_timeout(open_manager, origin, server):
    async def drip(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Length": "1000"})
        await answer.prepare(request)
        while not server.release.is_set():
            await answer.write(b"x")
            await asyncio.sleep(0.005)
        return answer

    server.handlers["/f"] = drip
    async with open_manager(SHORT) as manager:
        failure = await failure_of(manager, origin, by_url(server.url("/f")))
        server.release.set()
    assert str(failure) == "Attachment a.bin fetch timed out"
    assert not failure.is_permanent


async def test_what_is_too_large_is_for_good(open_manager, origin, server):
    async def endless(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        while True:
            await answer.write(bytes(65536))

    server.files["/f"] = bytes(100_001)
    server.handlers["/endless"] = endless
    (origin.folders[0] / "f").write_bytes(bytes(100_001))
    async with open_manager(SHORT) as manager:
        for asked in (
            by_url(server.url("/f")),
            by_url(server.url("/endless")),
            Attachment("a.bin", Mode.FILESYSTEM, "f"),
        ):
            failure = await failure_of(manager, origin, asked)
            assert str(failure) == (
                "Attachment fetch failed for a.bin: it is larger than 0.0953674 MiB "
                "(GMP_ATTACHMENT_MAX_MB)"
            )
            assert failure.is_permanent


async def test_an_answer_of_the_wrong_length_may_come_right(manager, origin):
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nten octets")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        failure = await failure_of(manager, origin, by_url(f"http://127.0.0.1:{port}/"))
    assert str(failure).endswith("closed the connection before its answer was complete")
    assert not failure.is_permanent


async def test_nobody_there_may_come_right(manager, origin):
    failure = await failure_of(manager, origin, by_url("http://127.0.0.1:1/"))
    assert str(failure).startswith("Attachment fetch failed for a.bin: no connection to 127.0.0.1")
    assert not failure.is_permanent


async def test_an_endpoint_that_gives_nothing_is_told_from_an_empty_file(manager, origin, server):
    server.handlers[ENDPOINT] = answering(204)
    failure = await failure_of(manager, origin, to_endpoint())
    assert str(failure) == "Attachment a.bin returned no data"
    server.handlers[ENDPOINT] = answering(200, b"")
    fetched = await manager.fetch(origin, [to_endpoint()])
    assert fetched.contents[0].size_bytes == 0
    fetched.close()


async def test_an_address_inside_is_refused_for_good(open_manager, origin, server):
    server.files |= {"/f": b"secret", ENDPOINT: b"secret"}
    async with open_manager(allow=NOTHING) as manager:
        for asked in (
            by_url(server.url("/f")),
            to_endpoint(),  # a URL that the tenant has set
            Attachment("a.bin", Mode.ENDPOINT, "x", server=server.url("/f")),
        ):
            failure = await failure_of(manager, origin, asked)
            assert "may not be reached from here" in str(failure)
            assert failure.is_permanent
        assert server.requests == []
        admins = replace(origin, url_set_by_admin=True)
        (await manager.fetch(admins, [to_endpoint()])).close()


async def test_a_redirect_to_an_address_inside_is_refused_for_good(manager, origin, server):
    server.handlers["/f"] = answering(302, Location="http://127.0.0.2:9/secret")
    failure = await failure_of(manager, origin, by_url(server.url("/f")))
    assert "127.0.0.2 may not be reached from here" in str(failure)
    assert failure.is_permanent


async def test_an_endpoint_is_not_followed_elsewhere(manager, origin, server):
    server.files["/f"] = b"x"
    server.handlers[ENDPOINT] = answering(307, Location=server.url("/f"))
    failure = await failure_of(manager, origin, to_endpoint())
    assert "answered 307" in str(failure)
    assert len(server.requests) == 1


async def test_redirects_without_end_end(manager, origin, server):
    server.handlers["/f"] = answering(302, Location="/f")
    failure = await failure_of(manager, origin, by_url(server.url("/f")))
    assert "answered 302" in str(failure)
    assert len(server.requests) == 4


@pytest.mark.parametrize("text", ["not base64!", "YQ=Q", "Y"])
async def test_bad_base64_is_for_good(manager, origin, text):
    failure = await failure_of(manager, origin, Attachment("a.bin", Mode.BASE64, text))
    assert str(failure).startswith("Attachment fetch failed for a.bin: Invalid base64 content: ")
    assert failure.is_permanent


async def test_a_tenant_without_any_endpoint_is_told_what_is_missing(manager, origin):
    failure = await failure_of(manager, replace(origin, client_base_url=None), to_endpoint())
    assert "no client_base_url" in str(failure)
    assert "GMP_ATTACHMENT_BASE_URL" in str(failure)
    assert failure.is_permanent


async def test_one_failure_lets_go_of_all_others(open_manager, origin, server, tmp_path):
    async def hang(request: web.Request) -> web.Response:
        await server.release.wait()
        return web.Response()

    server.files["/f"] = bytes(500_000)
    server.handlers["/hang"] = hang
    async with open_manager() as manager:
        asked = [by_url(server.url(path)) for path in ("/f", "/hang", "/missing")]
        failure = await failure_of(manager, origin, *asked)
    assert "404" in str(failure)


async def test_a_full_disk_is_no_fault_of_the_message(manager, origin, server, monkeypatch):
    def full(self: object, block: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mail_proxy.attachments.workfiles.WorkFile.add", full)
    server.files["/f"] = bytes(500_000)
    failure = await failure_of(manager, origin, by_url(server.url("/f")))
    assert str(failure) == (
        "Attachment fetch failed for a.bin: it cannot be kept here: No space left on device"
    )
    assert not failure.is_permanent
    assert failure.is_ours


# --- servers that never answer ---


@pytest.mark.slow
async def test_a_server_that_never_answers_is_not_asked_by_the_next_thousand(
    open_manager, origin, server, clock
):
    async def hang(request: web.Request) -> web.Response:
        await server.release.wait()
        return web.Response()

    for n in range(5):
        server.handlers[f"/{n}"] = hang
    async with open_manager(replace(SHORT, timeout_s=0.25)) as manager:
        for n in range(3):
            await failure_of(manager, origin, by_url(server.url(f"/{n}")))
        failure = await failure_of(manager, origin, by_url(server.url("/3")))
        assert "gave no answer 3 times in a row, and is not asked again for 15 s" in str(failure)
        assert not failure.is_permanent
        assert len(server.requests) == 3
        server.files["/ok"] = b"x"
        other = replace(origin, tenant_id="other")
        (await manager.fetch(other, [by_url(server.url("/ok"))])).close()
        clock.moved_s += 16
        (await manager.fetch(origin, [by_url(server.url("/ok"))])).close()
        (await manager.fetch(origin, [by_url(server.url("/ok"))])).close()


@pytest.mark.slow
@pytest.mark.parametrize("answer", ["too long", "cut"])
async def test_any_answer_ends_the_row_of_timeouts(open_manager, origin, server, answer):
    async def hang(request: web.Request) -> web.Response:
        await server.release.wait()
        return web.Response()

    async def cut(request: web.Request) -> web.Response:
        request.transport.abort()
        return web.Response()

    async with open_manager(replace(SHORT, timeout_s=0.25)) as manager:
        for n in range(4):
            server.handlers[f"/{n}"] = hang
        for n in range(2):
            await failure_of(manager, origin, by_url(server.url(f"/{n}")))
        if answer == "cut":
            server.handlers["/x"] = cut
        else:
            server.files["/x"] = bytes(200_000)
        await failure_of(manager, origin, by_url(server.url("/x")))
        for n in range(2, 4):
            failure = await failure_of(manager, origin, by_url(server.url(f"/{n}")))
            assert "timed out" in str(failure)
        server.files["/ok"] = b"x"
        (await manager.fetch(origin, [by_url(server.url("/ok"))])).close()


def test_another_port_of_a_host_is_another_server():
    def server(url: str) -> str:
        return call_of(Origin("acme"), by_url(url), None).server

    assert server("http://a.example/x") == "a.example:80"
    assert server("https://a.example/x") == server("https://a.example:443/y") == "a.example:443"
    assert server("http://[::1]:8080/") == "[::1]:8080"
    assert server("http://[::1") == ""


# --- room ---


async def test_a_message_that_never_fits_fails_for_good_and_names_setting_and_file(
    open_manager, origin, server
):
    server.files |= {f"/{n}": bytes(4_000_000) for n in range(3)}
    settings = AttachmentSettings(max_bytes=5_000_000, budget_bytes=10_000_000, per_message=1)
    asked = [replace(by_url(server.url(f"/{n}")), filename=f"{n}.bin") for n in range(3)]
    async with open_manager(settings) as manager:
        failure = await failure_of(manager, origin, *asked)
        assert failure.is_permanent
        assert "fetch failed for 2.bin: the attachments of one message are larger" in str(failure)
        assert "GMP_ATTACHMENT_BUDGET_MB" in str(failure)
        (await manager.fetch(origin, asked[:2])).close()


async def test_a_message_that_finds_no_room_now_may_come_again(open_manager, origin, server):
    server.files |= {f"/{n}": bytes(4_000_000) for n in range(3)}
    settings = AttachmentSettings(max_bytes=4_500_000, budget_bytes=10_000_000, per_message=1)
    asked = [replace(by_url(server.url(f"/{n}")), filename=f"{n}.bin") for n in range(3)]
    async with open_manager(settings) as manager:
        held = await manager.fetch(origin, asked[:1])
        with pytest.raises(AttachmentFailed) as caught:
            await manager.fetch(origin, asked[1:])
        assert not caught.value.is_permanent
        assert caught.value.is_ours
        assert "fetch failed for 2.bin: there is no room for it now" in str(caught.value)
        held.close()
        (await manager.fetch(origin, asked[1:])).close()


async def test_messages_that_need_more_room_than_there_is_wait_for_one_another(
    open_manager, origin, server
):
    for n in range(12):
        server.files[f"/{n}"] = bytes(3_000_000)
    settings = AttachmentSettings(max_bytes=4_000_000, budget_bytes=16_000_000)
    async with open_manager(settings) as manager:

        async def one(n: int) -> int:
            asked = [by_url(server.url(f"/{n}")), by_url(server.url(f"/{n + 6}"))]
            fetched = await manager.fetch(replace(origin, tenant_id=f"t{n}"), asked)
            assert manager.held_bytes <= 16_000_000
            await asyncio.sleep(0)
            fetched.close()
            return len(fetched.contents)

        assert await asyncio.gather(*(one(n) for n in range(6))) == [2] * 6
        assert manager.held_bytes == 0


async def test_a_tenant_whose_servers_hang_does_not_hold_up_another(open_manager, origin, server):
    async def hang(request: web.Request) -> web.Response:
        await server.release.wait()
        return web.Response()

    server.files["/ok"] = b"x"
    settings = replace(SHORT, at_once=10, timeout_s=5)
    async with open_manager(settings) as manager, asyncio.TaskGroup() as tasks:
        hanging = []
        for n in range(50):
            server.handlers[f"/{n}"] = hang
            asked = manager.fetch(origin, [by_url(server.url(f"/{n}"))])
            hanging.append(tasks.create_task(asked))
        other = replace(origin, tenant_id="other")
        fetched = await manager.fetch(other, [by_url(server.url("/ok"))])
        fetched.close()
        assert len(server.requests) <= 10
        for task in hanging:
            task.cancel()
