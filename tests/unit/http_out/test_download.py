"""The content of an answer: all of it or nothing, within bounds, and from where it may come."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib

import pytest
from yarl import URL

from mail_proxy.http_out import AllowList, Blocked, OutgoingHttp, TimedOut, TooLong, Unreachable
from mail_proxy.http_out.download import Wanted

PUBLIC = "127.0.0.2"  # stands for an address of the internet
ALLOW = AllowList.of([PUBLIC])


class Into:
    def __init__(self) -> None:
        self.data = b""

    async def __call__(self, piece: bytes) -> None:
        self.data += piece


async def download(http: OutgoingHttp, url: str, into: Into | None = None, **options):
    given = {"auth": None, "trusted": True, "timeout_s": 5.0, "max_bytes": 1_000_000} | options
    return await http.download(url, into or Into(), **given)


def redirect(to: str, status: str = "302 Found") -> bytes:
    return (
        f"HTTP/1.1 {status}\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    ).encode()


# --- what is asked and read ---


async def test_the_content_of_a_url_is_written(http, receiver):
    receiver.answer_with(b"x" * 300_000)
    into = Into()
    found = await download(http, receiver.url(), into)
    assert into.data == b"x" * 300_000
    assert (found.status, found.size_bytes, found.is_empty_file) == (200, 300_000, False)
    assert receiver.requests[0].startswith(b"GET /sync HTTP/1.1\r\n")
    assert b"\r\nAccept-Encoding: identity\r\n" in receiver.requests[0]


async def test_what_is_to_be_posted_goes_as_json_with_the_login(http, receiver):
    login = {"method": "bearer", "token": "abc"}
    await download(http, receiver.url(), posted={"storage_path": "ä/b"}, auth=login)
    head, _, body = receiver.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /sync HTTP/1.1\r\n")
    assert b"\r\nAuthorization: Bearer abc" in head
    assert b"\r\nContent-Type: application/json" in head
    assert json.loads(body) == {"storage_path": "ä/b"}


@pytest.mark.parametrize("status", ["404 Not Found", "500 Oops", "304 Not Modified"])
async def test_nothing_is_written_of_an_answer_that_is_no_success(http, receiver, status):
    receiver.answer_with(b"an error page" if "304" not in status else b"", status)
    into = Into()
    found = await download(http, receiver.url(), into)
    assert (found.status, found.is_success, into.data) == (int(status[:3]), False, b"")


@pytest.mark.parametrize(
    ("answer", "is_file"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", False),
        (b"HTTP/1.1 204 No Content\r\n\r\n", False),
    ],
)
async def test_an_empty_file_is_told_from_no_file(http, receiver, answer, is_file):
    receiver.answer = answer
    found = await download(http, receiver.url())
    assert (found.size_bytes, found.is_empty_file) == (0, is_file)


async def test_a_part_that_nobody_asked_for_is_no_content(http, receiver):
    receiver.answer_with(b"abc", "206 Partial Content", "Content-Range: bytes 0-2/9")
    with pytest.raises(Unreachable, match="sent a part"):
        await download(http, receiver.url())


@pytest.mark.parametrize("length", [100, 11])
async def test_fewer_bytes_than_were_promised_are_a_failure(http, receiver, length):
    receiver.answer_with(b"ten octets", length=length)
    with pytest.raises(Unreachable, match="before its answer was complete"):
        await download(http, receiver.url())


async def test_a_chunked_answer_that_breaks_off_is_a_failure(http, receiver):
    receiver.answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
    with pytest.raises(Unreachable):
        await download(http, receiver.url())


# --- compressed ---


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", gzip.compress(b"a" * 200_000, mtime=0)),
        ("gzip", gzip.compress(b"a" * 100_000, mtime=0) * 2),
        ("deflate", zlib.compress(b"a" * 200_000)),
        ("GZIP", gzip.compress(b"a" * 200_000, compresslevel=0, mtime=0)),
    ],
)
async def test_what_was_compressed_unasked_is_unpacked(http, receiver, encoding, packed):
    receiver.answer_with(packed, "200 OK", f"Content-Encoding: {encoding}")
    into = Into()
    assert (await download(http, receiver.url(), into)).size_bytes == 200_000
    assert into.data == b"a" * 200_000


@pytest.mark.parametrize(
    "packed",
    [b"rubbish", gzip.compress(b"a" * 200_000, mtime=0)[:-9], gzip.compress(b"a", mtime=0)[:5]],
)
async def test_damaged_compression_is_a_failure(http, receiver, packed):
    receiver.answer_with(packed, "200 OK", "Content-Encoding: gzip")
    with pytest.raises(Unreachable, match="damaged"):
        await download(http, receiver.url())


async def test_a_compression_that_is_not_known_is_a_failure(http, receiver):
    receiver.answer_with(b"abc", "200 OK", "Content-Encoding: br")
    with pytest.raises(Unreachable, match="encoding that was not asked for"):
        await download(http, receiver.url())


async def test_a_bomb_ends_at_the_limit(http, receiver):
    bomb = gzip.compress(bytes(5_000_000), mtime=0)
    receiver.answer_with(bomb, "200 OK", "Content-Encoding: gzip")
    into = Into()
    with pytest.raises(TooLong):
        await download(http, receiver.url(), into, max_bytes=200_000)
    assert len(into.data) <= 200_000


async def test_compressed_nothing_without_end_stops_at_the_limit_too(http, receiver):
    receiver.answer_with(gzip.compress(b"", mtime=0) * 5000, "200 OK", "Content-Encoding: gzip")
    with pytest.raises(TooLong):
        await download(http, receiver.url(), max_bytes=50_000)


# --- bounds ---


async def test_as_many_bytes_as_are_allowed_are_taken(http, receiver):
    receiver.answer_with(b"x" * 1000)
    assert (await download(http, receiver.url(), max_bytes=1000)).size_bytes == 1000


async def test_an_announced_size_over_the_limit_is_refused_before_it_is_read(http, receiver):
    receiver.answer_with(b"", length=1001)
    with pytest.raises(TooLong, match="larger than 1000 bytes"):
        await download(http, receiver.url(), max_bytes=1000)


async def test_an_answer_without_a_length_is_cut_off_at_the_limit(http, receiver):
    receiver.answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b"x" * 100_001
    into = Into()
    with pytest.raises(TooLong):
        await download(http, receiver.url(), into, max_bytes=100_000)
    assert len(into.data) <= 100_000


async def test_a_server_that_drips_is_given_up_at_the_deadline(http):
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"x")
            await asyncio.sleep(0.005)
        writer.close()
        is_gone.set()

    is_gone = asyncio.Event()
    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        with pytest.raises(TimedOut, match=r"no answer within 0\.1 s"):
            await download(http, url, timeout_s=0.1)
        await is_gone.wait()  # the connection was given up too


async def test_a_server_that_hangs_is_given_up_at_the_deadline(http, receiver):
    receiver.hold.clear()
    with pytest.raises(TimedOut):
        await download(http, receiver.url(), timeout_s=0.05)


# --- redirects ---


@pytest.fixture
async def guarded(scripted):
    async with OutgoingHttp(allow=ALLOW, resolver=scripted([PUBLIC])) as client:
        yield client


async def test_a_redirect_is_an_answer_where_none_is_followed(http, receiver):
    receiver.by_path["/sync"] = redirect("/other")
    assert (await download(http, receiver.url())).status == 302
    assert receiver.connections == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_followed_as_often_as_is_said(guarded, receiver, status):
    receiver.by_path |= {
        "/a": redirect("/b", f"{status} Moved"),
        "/b": redirect(receiver.url("other.example", "/c"), f"{status} Moved"),
    }
    receiver.answer_with(b"here")
    into = Into()
    url = receiver.url("files.example", "/a")
    assert (await download(guarded, url, into, trusted=False, follow=2)).status == 200
    assert into.data == b"here"
    assert (await download(guarded, url, trusted=False, follow=1)).status == status


async def test_a_login_goes_to_its_own_origin_only(guarded, receiver):
    receiver.by_path |= {"/a": redirect("/b"), "/b": redirect(receiver.url("b.example", "/c"))}
    receiver.by_path["/c"] = redirect(receiver.url(PUBLIC, "/d"))
    auth = {"method": "bearer", "token": "abc"}
    url = receiver.url(PUBLIC, "/a")
    await download(guarded, url, auth=auth, trusted=False, follow=3)
    has_login = [b"Authorization" in request for request in receiver.requests]
    assert has_login == [True, True, False, False]


@pytest.mark.parametrize(
    "told", [{"auth": {"method": "bearer", "token": "abc"}}, {"posted": {"storage_path": "x"}}]
)
async def test_what_tells_something_is_https_or_its_host_is_allowed(guarded, receiver, told):
    with pytest.raises(Blocked, match="must begin with https://"):
        await download(guarded, receiver.url("a.example"), trusted=False, **told)
    assert receiver.connections == 0
    answer = await download(guarded, receiver.url(PUBLIC), trusted=False, **told)
    assert answer.status == 200


@pytest.mark.parametrize(
    "to", ["http://10.0.0.1/x", "http://169.254.169.254/", "http://localhost/", "ftp://a.example/"]
)
@pytest.mark.parametrize("trusted", [False, True])
async def test_a_redirect_to_where_tenants_may_not_call_is_refused(guarded, receiver, to, trusted):
    receiver.by_path["/a"] = redirect(to)
    with pytest.raises(Blocked):
        await download(guarded, receiver.url(PUBLIC, "/a"), trusted=trusted, follow=3)


async def test_a_redirect_to_a_name_that_is_private_is_refused(receiver, scripted):
    receiver.by_path["/a"] = redirect(receiver.url("inside.example", "/secret"))
    async with OutgoingHttp(allow=ALLOW, resolver=scripted([PUBLIC], ["127.0.0.1"])) as client:
        with pytest.raises(Blocked, match=r"inside\.example may not be reached"):
            await download(client, receiver.url("a.example", "/a"), trusted=False, follow=3)
    assert receiver.connections == 1


async def test_a_redirect_never_leaves_https():
    wanted = Wanted(URL("https://a.example/"), False, None, None, 1, 3)
    with pytest.raises(Blocked, match="from https to http"):
        wanted.redirected(URL("http://a.example/"), ALLOW)
    assert wanted.redirected(URL("https://b.example/"), ALLOW).follow == 2


async def test_a_redirect_to_no_url_is_a_failure(guarded, receiver):
    receiver.by_path["/a"] = redirect("http://[::1/")
    with pytest.raises(Unreachable, match="no URL"):
        await download(guarded, receiver.url(PUBLIC, "/a"), trusted=False, follow=3)
