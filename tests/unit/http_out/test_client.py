from __future__ import annotations

import asyncio
import gzip
import json
import socket
import zlib

import pytest

from mail_proxy.domain.errors import Invalid
from mail_proxy.http_out import AllowList, Blocked, OutgoingHttp, Unreachable, sessions

# Stands for an address of the internet: nothing outside this machine is contacted.
PUBLIC = "127.0.0.2"
ALLOW = AllowList.of([PUBLIC])


async def post(http: OutgoingHttp, url: str, body: object = None, **options):
    """In clear: the receiver has no certificate that anybody would trust."""
    given = {"auth": None, "trusted": True, "timeout_s": 5.0, "in_clear": True} | options
    return await http.post_json(url, {} if body is None else body, **given)


# --- what is sent and read ---


async def test_a_value_is_posted_as_json_and_the_answer_is_read(http, receiver):
    receiver.answer_with(b'{"ok": true}', "202 Accepted", "X-Note: hi")
    answer = await post(http, receiver.url(), {"delivery_report": []})
    head, _, body = receiver.requests[0].partition(b"\r\n\r\n")
    assert json.loads(body) == {"delivery_report": []}
    assert head.startswith(b"POST /sync HTTP/1.1\r\n")
    assert b"Content-Type: application/json" in head
    assert (answer.status, answer.body, answer.is_success) == (202, b'{"ok": true}', True)
    assert answer.headers["x-note"] == "hi"


async def test_bytes_are_posted_as_they_are(http, receiver):
    await post(http, receiver.url(), b'{"a":1}')
    assert receiver.requests[0].endswith(b'\r\n\r\n{"a":1}')


async def test_the_login_goes_along(http, receiver):
    await post(http, receiver.url(), auth={"method": "bearer", "token": "abc"})
    assert b"\r\nAuthorization: Bearer abc\r\n" in receiver.requests[0]


async def test_a_login_that_breaks_the_header_is_refused_before_any_call(http, receiver):
    with pytest.raises(Invalid):
        await post(http, receiver.url(), auth={"method": "bearer", "token": "a\nX: y"})
    assert receiver.connections == 0


async def test_a_redirect_is_an_answer_and_is_not_followed(http, receiver):
    receiver.answer_with(b"", "307 Temporary Redirect", f"Location: {receiver.url(path='/other')}")
    answer = await post(http, receiver.url(), auth={"method": "bearer", "token": "abc"})
    assert answer.status == 307
    assert receiver.connections == 1


async def test_cookies_are_not_kept(http, receiver):
    receiver.answer_with(b"", "200 OK", "Set-Cookie: a=b")
    await post(http, receiver.url())
    await post(http, receiver.url())
    assert b"ookie" not in receiver.requests[1]


async def test_proxies_and_logins_of_the_environment_are_ignored(
    http, receiver, monkeypatch, tmp_path
):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1/")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1/")
    assert (await post(http, receiver.url())).status == 200
    assert b"Authorization" not in receiver.requests[0]


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [("gzip", gzip.compress(b"{}", mtime=0)), ("deflate", zlib.compress(b"{}"))],
)
async def test_a_compressed_answer_is_unpacked(http, receiver, encoding, packed):
    receiver.answer_with(packed, "200 OK", f"Content-Encoding: {encoding}")
    assert (await post(http, receiver.url())).body == b"{}"


async def test_a_damaged_compressed_answer_is_left_as_it_came(http, receiver):
    receiver.answer_with(b"rubbish", "200 OK", "Content-Encoding: gzip")
    assert (await post(http, receiver.url())).body == b"rubbish"


# --- https for callbacks ---


@pytest.mark.parametrize("verb", ["post_json", "post_form"])
async def test_a_url_of_a_tenant_is_called_over_tls_only(receiver, scripted, verb):
    resolver = scripted([PUBLIC])
    async with OutgoingHttp(allow=ALLOW, resolver=resolver) as http:
        options = {"trusted": False, "timeout_s": 5.0}
        options |= {"auth": {"method": "bearer", "token": "t"}} if verb == "post_json" else {}
        with pytest.raises(Blocked, match=r"app\.example must begin with https://") as caught:
            await getattr(http, verb)(receiver.url("app.example"), {}, **options)
        assert caught.value.hint == "mail-proxy NAME allow app.example"
        receiver.reads_first = False
        url = receiver.url("app.example").replace("http:", "https:")
        with pytest.raises(Unreachable, match="no TLS connection"):
            await getattr(http, verb)(url, {}, **options)
    assert (resolver.asked, receiver.requests) == (["app.example"], [])


@pytest.mark.parametrize("allowed", [["app.example"], [PUBLIC]])
async def test_a_host_that_is_allowed_needs_no_tls(receiver, scripted, allowed):
    host = "app.example" if "app.example" in allowed else PUBLIC
    async with OutgoingHttp(allow=AllowList.of(allowed), resolver=scripted([PUBLIC])) as http:
        answer = await post(http, receiver.url(host), trusted=False, in_clear=False)
    assert answer.status == 200


# --- bounds ---


async def test_an_answer_as_large_as_allowed_is_read(http, receiver):
    receiver.answer_with(b"x" * 1000)
    assert len((await post(http, receiver.url(), max_bytes=1000)).body) == 1000


async def test_a_larger_answer_is_cut_off_and_its_status_is_told(http, receiver):
    receiver.answer_with(b"x" * 1001)
    with pytest.raises(Unreachable, match="larger than 1000 bytes") as caught:
        await post(http, receiver.url(), max_bytes=1000)
    assert caught.value.status == 200


async def test_a_bomb_is_cut_off_while_it_unpacks(http, receiver):
    receiver.answer_with(
        gzip.compress(bytes(5_000_000), mtime=0), "200 OK", "Content-Encoding: gzip"
    )
    with pytest.raises(Unreachable, match="larger than 20000 bytes"):
        await post(http, receiver.url(), max_bytes=20_000)


async def test_a_server_that_never_answers_is_given_up_at_the_deadline(http, receiver):
    receiver.hold.clear()
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1 gave no answer within 0\.05 s"):
        await post(http, receiver.url(), timeout_s=0.05)


async def test_a_port_where_nobody_listens_is_unreachable(http):
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        with pytest.raises(Unreachable, match=r"no connection to 127\.0\.0\.1"):
            await post(http, f"http://127.0.0.1:{bound.getsockname()[1]}/")


async def test_an_answer_that_is_cut_short_is_unreachable(http, receiver):
    receiver.answer_with(b"{}", length=100)
    with pytest.raises(Unreachable, match="before its answer was complete"):
        await post(http, receiver.url())


async def test_a_connection_closed_without_an_answer_is_unreachable(http, receiver):
    receiver.answer = b""
    with pytest.raises(Unreachable, match="closed the connection"):
        await post(http, receiver.url())


async def test_an_answer_that_is_not_http_is_unreachable(http, receiver):
    receiver.answer = b"220 mail.example.com ESMTP\r\n\r\n"
    with pytest.raises(Unreachable, match="did not answer in HTTP"):
        await post(http, receiver.url())


async def test_a_server_without_tls_is_unreachable_over_https(http, receiver):
    receiver.reads_first = False  # a greeting in clear
    with pytest.raises(Unreachable, match="no TLS connection"):
        await post(http, receiver.url().replace("http:", "https:"))


async def test_a_name_without_an_address_is_unreachable(scripted):
    async with OutgoingHttp(resolver=scripted()) as http:
        with pytest.raises(Unreachable, match=r"no address for example\.com"):
            await post(http, "http://example.com/", trusted=False)


# --- the guard ---


async def test_a_name_is_resolved_once_and_the_checked_address_is_called(receiver, scripted):
    resolver = scripted([PUBLIC], ["127.0.0.1"])
    async with OutgoingHttp(allow=ALLOW, resolver=resolver) as http:
        await post(http, receiver.url("rebind.example"), trusted=False)
    assert resolver.asked == ["rebind.example"]
    assert f"Host: rebind.example:{receiver.port}".encode() in receiver.requests[0]


async def test_a_name_that_turns_private_is_refused_at_its_next_look_up(receiver, scripted):
    async with OutgoingHttp(allow=ALLOW, resolver=scripted([PUBLIC], ["127.0.0.1"])) as http:
        await post(http, receiver.url("rebind.example"), trusted=False)
        with pytest.raises(Blocked, match=r"rebind\.example may not be reached"):
            await post(http, receiver.url("rebind.example"), trusted=False)
    assert receiver.connections == 1


@pytest.mark.parametrize("addresses", [[PUBLIC, "127.0.0.1"], ["10.0.0.1", PUBLIC]])
async def test_one_forbidden_address_among_several_refuses_the_name(receiver, scripted, addresses):
    async with OutgoingHttp(allow=ALLOW, resolver=scripted(addresses)) as http:
        with pytest.raises(Blocked):
            await post(http, receiver.url("mixed.example"), trusted=False)
    assert receiver.connections == 0


async def test_the_refusal_does_not_tell_the_address(receiver, scripted):
    async with OutgoingHttp(resolver=scripted(["10.20.30.40"])) as http:
        with pytest.raises(Blocked, match="it leads to a private address") as caught:
            await post(http, receiver.url("a.example"), trusted=False)
    assert "10.20.30.40" not in str(caught.value)


async def test_a_url_of_the_admin_may_lead_to_our_own_network(receiver, scripted):
    async with OutgoingHttp(resolver=scripted(["127.0.0.1"])) as http:
        assert (await post(http, receiver.url("inside.example"), trusted=True)).status == 200


async def test_an_allowed_network_may_be_called_by_tenants(receiver):
    async with OutgoingHttp(allow=AllowList.of(["127.0.0.0/8"])) as http:
        assert (await post(http, receiver.url(), trusted=False)).status == 200


async def test_a_connection_of_the_admins_url_is_not_lent_to_a_tenant(receiver, scripted):
    receiver.keeps_open = True
    receiver.answer_with()
    async with OutgoingHttp(resolver=scripted(["127.0.0.1"])) as http:
        await post(http, receiver.url("a.example"), trusted=True)
        with pytest.raises(Blocked):
            await post(http, receiver.url("a.example"), trusted=False)


async def test_whatever_led_there_no_socket_is_opened_to_a_forbidden_address(
    receiver, scripted, monkeypatch
):
    monkeypatch.setattr(sessions, "GuardedResolver", lambda inner, allow: inner)
    async with OutgoingHttp(resolver=scripted(["127.0.0.1"])) as http:
        with pytest.raises(Blocked):
            await post(http, receiver.url("a.example"), trusted=False)
    assert receiver.connections == 0


async def test_the_machines_resolver_finds_loopback(http, receiver):
    assert (await post(http, receiver.url("localhost"), trusted=True)).status == 200


@pytest.mark.parametrize(
    "host", ["a..b.example", ".example", "a" * 64 + ".example", "xn--zzzzzz", "xn--.example"]
)
async def test_a_host_that_is_no_name_fails_as_others_do(http, host):
    for trusted in (True, False):
        with pytest.raises((Blocked, Unreachable)):
            await post(http, f"http://{host}/", trusted=trusted)


async def test_receivers_that_hang_leave_connections_to_others_of_their_host(http):
    at_once = asyncio.Barrier(50)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await at_once.wait()  # nobody is answered until all are here
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    async with server:
        answers = await asyncio.gather(*(post(http, url) for _ in range(50)))
    assert {answer.status for answer in answers} == {200}


async def test_an_allowed_name_may_be_called_by_tenants_wherever_it_leads(receiver, scripted):
    allow = AllowList.of(["files.internal"])
    async with OutgoingHttp(allow=allow, resolver=scripted(["127.0.0.1"])) as http:
        assert (await post(http, receiver.url("Files.internal"), trusted=False)).status == 200
        with pytest.raises(Blocked, match="allowed_networks") as caught:
            await post(http, receiver.url("other.internal"), trusted=False)
    assert caught.value.hint == "mail-proxy NAME allow other.internal"


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Again", "308 For ever"])
async def test_a_redirect_is_an_answer_and_leads_nowhere(receiver, scripted, status):
    async def nobody(reader, writer):
        inside.append(1)
        writer.close()

    inside: list[int] = []
    listener = await asyncio.start_server(nobody, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    receiver.answer_with(b"{}", status, f"Location: http://127.0.0.1:{port}/")
    async with OutgoingHttp(allow=ALLOW, resolver=scripted([PUBLIC])) as http:
        answer = await post(http, receiver.url("app.example"), trusted=False)
    listener.close()
    assert (answer.status, inside) == (int(status[:3]), [])


# --- whether somebody is there ---


async def test_any_answer_to_a_head_is_somebody(http, receiver):
    receiver.answer_with(b"", "405 Method Not Allowed")
    assert await http.reach(receiver.url(), trusted=True, timeout_s=5.0) == 405
    assert receiver.requests[0].startswith(b"HEAD /sync ")


async def test_nobody_is_told(http):
    with pytest.raises(Unreachable):
        await http.reach("http://127.0.0.1:1/", trusted=True, timeout_s=5.0)
    with pytest.raises(Blocked):
        await http.reach("https://127.0.0.1/", trusted=False, timeout_s=5.0)
