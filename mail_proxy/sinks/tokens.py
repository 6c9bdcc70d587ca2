"""A token endpoint (RFC 6749): gives access tokens to one client, and answers as it was told."""

from __future__ import annotations

from collections import deque
from collections.abc import MutableMapping
from typing import Any, Self

from aiohttp import web

_ENDING_S = 1.0


class TokenSink:
    """Listens from `async with` on until its end.

    asked: the form of every request. answers: status and body of the next ones, before any check.
    tokens: user -> the access token that was given last, for a mail server that checks it.
    rotates: each refresh token is good for once.
    """

    def __init__(
        self,
        tokens: MutableMapping[str, str],
        *,
        client: tuple[str, str] = ("client", "client-secret"),
        refresh_token: str = "refresh-0",  # noqa: S107 - of a test
        expires_in: object = 3600,
        rotates: bool = False,
        prefix: str = "access",
    ) -> None:
        self.asked: list[dict[str, str]] = []
        self.answers: deque[tuple[int, Any]] = deque()
        self.tokens = tokens
        self.client = client
        self.refresh_token = refresh_token
        self._stem = refresh_token.removesuffix("-0")
        self.expires_in = expires_in
        self.rotates = rotates
        self.prefix = prefix
        self.url = ""
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/token", self._give)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=_ENDING_S)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/token"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _give(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.asked.append(form)
        if self.answers:
            status, body = self.answers.popleft()
            return web.json_response(body, status=status)
        if (form.get("client_id"), form.get("client_secret")) != self.client:
            return web.json_response({"error": "invalid_client"}, status=401)
        is_refresh = form.get("grant_type") == "refresh_token"
        if is_refresh and form.get("refresh_token") != self.refresh_token:
            said = {"error": "invalid_grant", "error_description": "expired or revoked"}
            return web.json_response(said, status=400)
        return web.json_response(self._token(is_refresh=is_refresh))

    def _token(self, *, is_refresh: bool) -> dict[str, Any]:
        token = f"{self.prefix}-{len(self.asked)}"
        for user in self.tokens:
            self.tokens[user] = token
        answer = {"access_token": token, "token_type": "Bearer", "expires_in": self.expires_in}
        if is_refresh and self.rotates:
            self.refresh_token = f"{self._stem}-{len(self.asked)}"
            answer["refresh_token"] = self.refresh_token
        return answer
