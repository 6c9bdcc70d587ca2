"""One aiohttp handler per row of the table of commands; nothing is decided here."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from functools import partial
from typing import Any, Protocol

from aiohttp import HttpVersion11, web

from mail_proxy.api import answers, files, pages, streams
from mail_proxy.api.bodies import Bodies
from mail_proxy.api.requests import address_of, body_size, payload_of, request_id_of, token_of
from mail_proxy.config.settings import HttpSettings
from mail_proxy.domain.errors import Forbidden, MailProxyError, Unauthorized
from mail_proxy.observe import events
from mail_proxy.observe.bound import OfRequest
from mail_proxy.wire.caller import NOBODY, Caller, Scope
from mail_proxy.wire.request_id import HEADER
from mail_proxy.wire.routes import ROUTES, Route, scope_of

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Door(Protocol):
    """What the API needs of `MailProxy`."""

    async def open_answer(
        self, name: str, payload: dict[str, Any] | None, caller: Caller
    ) -> dict[str, Any]:
        """The answer; its `messages` may be an async generator. Raises MailProxyError."""
        ...

    async def admit(self, token: str | None, address: str) -> Caller: ...

    async def authenticate(self, token: str | None) -> Caller: ...


def build_app(
    door: Door, settings: HttpSettings, bodies: Bodies, *, caller: Caller | None = None
) -> web.Application:
    """The routes of `wire/routes.py` in front of `door`.

    bodies: shared by all apps of a process.
    caller: who everybody is that gets here, where the file rights are the login; None asks for a
    token. Commands above that caller's scope have no route: they answer 404, as unknown paths do.
    """
    highest = Scope.ADMIN if caller is None else caller.scope
    app = web.Application(client_max_size=settings.max_request_bytes, middlewares=[_as_one_request])
    for route in ROUTES.values():
        if route.scope <= highest:
            handler = _Command(route, door, settings, bodies, caller)
            # A field takes whatever stands between two slashes; aiohttp's own has no braces.
            path = route.path.replace("}", ":[^/]+}")
            for method in (route.method, *(("HEAD",) if route.sends_file else ())):
                app.router.add_route(method, path, handler.respond, expect_handler=_on_expect)
    pages.add_to(app.router)
    app.on_response_prepare.append(_tell_request_id)
    return app


class _Command:
    """One command behind its path."""

    def __init__(
        self,
        route: Route,
        door: Door,
        settings: HttpSettings,
        bodies: Bodies,
        caller: Caller | None,
    ) -> None:
        self._route = route
        self._door = door
        self._settings = settings
        self._timeout_s = settings.body_timeout_s
        self._scope = scope_of(route, metrics_public=settings.metrics_public)
        self._caller = NOBODY if caller is None and self._scope is Scope.PUBLIC else caller
        self._bodies = bodies

    async def respond(self, request: web.Request) -> web.StreamResponse:
        caller = self._caller or NOBODY
        try:
            token = token_of(request)
            caller = self._caller or await self._door.admit(token, address_of(request))
            return await self._answer(request, caller.asking(request_id_of(request)))
        except MailProxyError as error:
            return answers.failure(error, not_found_status=self._route.not_found_status)
        except ConnectionError:
            raise  # the client is gone; aiohttp closes the connection
        except Exception as error:  # noqa: BLE001 - a bug of ours ends one request, not the daemon
            events.command_broke(command=self._route.name, caller=caller.name, error=error)
            return answers.broken()

    async def _answer(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        if caller.scope < self._scope:  # the door refuses; a body is not worth reading
            return await self._answered(request, None, caller)
        size = body_size(self._route, request, self._settings)
        # What was parsed lives as long as the command runs, and so does its room.
        async with self._bodies.fields(
            caller.name, request, size, lone_surrogates=self._route.judges_each
        ) as fields:
            return await self._answered(request, payload_of(self._route, request, fields), caller)

    async def _answered(
        self, request: web.Request, payload: dict[str, Any] | None, caller: Caller
    ) -> web.StreamResponse:
        answer = await self._door.open_answer(self._route.name, payload, caller)
        if self._route.name == "metrics":
            return answers.as_text(answer["text"])
        if self._route.sends_file:
            return await files.sent(request, answer["file"], self._timeout_s)
        if self._route.streams and "stream" in answer:
            is_good = partial(self._is_good, token_of(request), caller)
            return await streams.sent(request, answer["stream"], self._timeout_s, is_good=is_good)
        if isinstance(answer.get("messages"), AsyncGenerator):
            return await answers.streamed(request, answer, self._timeout_s)
        return answers.as_json(answer)

    async def _is_good(self, token: str | None, caller: Caller) -> bool:
        """The token is still that caller's; what nobody can look up counts as before."""
        if self._caller is not None:
            return True
        try:
            return await self._door.authenticate(token) == caller
        except (Unauthorized, Forbidden):
            return False
        except MailProxyError:
            return True


async def _on_expect(request: web.Request) -> web.StreamResponse | None:
    """aiohttp's own handler, its refusal in JSON; it is called outside of the middleware."""
    if request.headers["Expect"].lower() != "100-continue":
        return answers.refused(web.HTTPExpectationFailed())
    if request.version >= HttpVersion11:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # else it seems that an answer is on its way
    return None


async def _tell_request_id(request: web.Request, response: web.StreamResponse) -> None:
    response.headers[HEADER] = request_id_of(request)


@web.middleware
async def _as_one_request(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Lines of the log carry its id; what aiohttp refuses is told in JSON."""
    with OfRequest(request_id_of(request)):
        try:
            return await handler(request)
        except web.HTTPException as error:
            return answers.refused(error)
