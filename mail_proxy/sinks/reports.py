"""An application's end of the delivery reports: takes each post and answers as it was told."""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sized
from dataclasses import dataclass, replace
from enum import StrEnum, auto
from typing import Any, Self

from aiohttp import web

PATH = "/proxy_sync"
MAX_POST_BYTES = 64 * 2**20
_ENDING_S = 1.0


class Fault(StrEnum):
    """What becomes of a post that was read, instead of an answer."""

    HANG = auto()  # nothing is ever said
    DROP = auto()  # the connection is closed
    CUT = auto()  # half an answer, then the connection is closed


Answer = int | tuple[int, object] | Fault  # a status, a status and a JSON body, or none


@dataclass(frozen=True, slots=True)
class Post:
    """One request: its headers, its JSON, and the status it was answered with.

    status: 0 for one that got no whole answer. raw: the body as it came.
    at: by time.monotonic(), which all processes of a machine share.
    """

    headers: Mapping[str, str]
    body: Any
    status: int = 0
    raw: bytes = b""
    at: float = 0.0


class ReportSink:
    """Listens from `async with` on until its end.

    posts: every request, in order. entries: the delivery reports of those answered with 2xx.
    open, peak: requests that have no answer yet, now and at most.
    choose: how each post is answered; None: by `answers`. Its body is None where it is no JSON.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        answers: Iterable[Answer] = (),
        body: object = None,
        choose: Callable[[Post], Answer] | None = None,
        keep: bool = True,
    ) -> None:
        """port 0: a free one. answers: for the first posts, then 200. body: when none is given.

        keep False: nothing is remembered.
        """
        self.host = host
        self.port = port
        self.posts: list[Post] = []
        self.entries: list[dict[str, Any]] = []
        self.answers: deque[Answer] = deque(answers)
        self.body = {"ok": True} if body is None else body
        self.choose = choose
        self.open = self.peak = 0
        self._keep = keep
        self._changed = asyncio.Condition()
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """Where to post; base URL and path in one."""
        return f"{self.base_url}{PATH}"

    @property
    def base_url(self) -> str:
        return f"http://{self.host}:{self.port}"

    async def wait_for(self, n: int, timeout_s: float = 30.0) -> None:
        """Until `n` entries in all have come. Raises TimeoutError, which says how many did."""
        await self._wait("entries", self.entries, n, timeout_s)

    async def wait_for_posts(self, n: int, timeout_s: float = 30.0) -> None:
        """Until `n` requests have come, whatever their answer. Raises TimeoutError."""
        await self._wait("posts", self.posts, n, timeout_s)

    async def _wait(self, name: str, came: Sized, n: int, timeout_s: float) -> None:
        try:
            async with asyncio.timeout(timeout_s), self._changed:
                await self._changed.wait_for(lambda: len(came) >= n)
        except TimeoutError:
            raise TimeoutError(f"{len(came)} of {n} {name} came in {timeout_s:g} s") from None

    async def __aenter__(self) -> Self:
        """Raises OSError where nothing can listen."""
        app = web.Application(client_max_size=MAX_POST_BYTES)
        app.router.add_post("/{path:.*}", self._take)
        # Who hangs up ends the hanging here too.
        self._runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=_ENDING_S, handler_cancellation=True
        )
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self.host, self.port).start()
        except OSError:
            await self._runner.cleanup()
            raise
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        raw = await request.read()
        post = Post(dict(request.headers), _parsed(raw), raw=raw, at=time.monotonic())
        self.open += 1
        self.peak = max(self.peak, self.open)
        try:
            return await self._answered(request, post)
        finally:
            self.open -= 1

    async def _answered(self, request: web.Request, post: Post) -> web.Response:
        answer = self._next_answer(post)
        if isinstance(answer, Fault):
            await self._note(post)
            await _break(request, answer)
            return web.Response()  # to nobody
        status, body = answer
        await self._note(replace(post, status=status))
        return web.json_response(body, status=status)

    def _next_answer(self, post: Post) -> tuple[int, object] | Fault:
        if self.choose is not None:
            answer = self.choose(post)
        elif post.body is None:
            return 400, {"ok": False, "error": "not JSON"}
        else:
            answer = self.answers.popleft() if self.answers else 200
        return (answer, self.body) if isinstance(answer, int) else answer

    async def _note(self, post: Post) -> None:
        if not self._keep or post.body is None:
            return
        if 200 <= post.status < 300 and isinstance(post.body, dict):
            self.entries.extend(post.body.get("delivery_report", []))
        self.posts.append(post)
        async with self._changed:
            self._changed.notify_all()


def _parsed(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None


async def _break(request: web.Request, fault: Fault) -> None:
    if fault is Fault.HANG:
        await asyncio.Event().wait()  # until the other end, or this sink, is gone
    transport = request.transport
    if transport is None:
        return
    if fault is Fault.CUT:
        transport.write(b'HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{"ok":')
        transport.close()
    else:
        transport.abort()
