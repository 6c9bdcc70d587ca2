"""An application's end of the delivery reports: takes each post and answers as it was told."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Iterable, Mapping, Sized
from dataclasses import dataclass
from typing import Any, Self

from aiohttp import web

PATH = "/proxy_sync"
MAX_POST_BYTES = 64 * 2**20
_ENDING_S = 1.0

Answer = int | tuple[int, object]  # a status, or a status and a JSON body


@dataclass(frozen=True, slots=True)
class Post:
    """One request: its headers, its JSON, and the status it was answered with."""

    headers: Mapping[str, str]
    body: Any
    status: int


class ReportSink:
    """Listens from `async with` on until its end.

    posts: every request, in order. entries: the delivery reports of those answered with 2xx.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        answers: Iterable[Answer] = (),
        body: object = None,
    ) -> None:
        """port 0: a free one. answers: for the first posts, then 200. body: when none is given."""
        self.host = host
        self.port = port
        self.posts: list[Post] = []
        self.entries: list[dict[str, Any]] = []
        self.answers: deque[Answer] = deque(answers)
        self.body = {"ok": True} if body is None else body
        self._changed = asyncio.Condition()
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """Where to post; base URL and path in one."""
        return f"{self.base_url}{PATH}"

    @property
    def base_url(self) -> str:
        return f"http://{self.host}:{self.port}"

    async def wait_for(self, n: int, timeout_s: float = 5.0) -> None:
        """Until `n` entries in all have come. Raises TimeoutError, which says how many did."""
        await self._wait("entries", self.entries, n, timeout_s)

    async def wait_for_posts(self, n: int, timeout_s: float = 5.0) -> None:
        """Until `n` requests have come, whatever their answer. Raises TimeoutError."""
        await self._wait("posts", self.posts, n, timeout_s)

    async def _wait(self, name: str, came: Sized, n: int, timeout_s: float) -> None:
        try:
            async with asyncio.timeout(timeout_s), self._changed:
                await self._changed.wait_for(lambda: len(came) >= n)
        except TimeoutError:
            raise TimeoutError(f"{len(came)} of {n} {name} came in {timeout_s:g} s") from None

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=MAX_POST_BYTES)
        app.router.add_post("/{path:.*}", self._take)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=_ENDING_S)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.host, self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        try:
            body = json.loads(await request.read())
        except ValueError:
            return web.json_response({"ok": False, "error": "not JSON"}, status=400)
        status, answer = self._next_answer()
        if 200 <= status < 300 and isinstance(body, dict):
            self.entries.extend(body.get("delivery_report", []))
        self.posts.append(Post(dict(request.headers), body, status))
        async with self._changed:
            self._changed.notify_all()
        return web.json_response(answer, status=status)

    def _next_answer(self) -> tuple[int, object]:
        answer = self.answers.popleft() if self.answers else 200
        return answer if isinstance(answer, tuple) else (answer, self.body)
