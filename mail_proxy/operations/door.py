"""The one way in: which command, may this caller, does the payload fit; then run and audit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mail_proxy.domain.errors import (
    Forbidden,
    MailProxyError,
    NotFound,
    StoreError,
    TooMany,
    Unauthorized,
)
from mail_proxy.observe import events
from mail_proxy.observe.bound import OfRequest
from mail_proxy.operations.audit import Audit
from mail_proxy.operations.chance import new_request_id
from mail_proxy.operations.context import Context
from mail_proxy.operations.table import OPERATIONS
from mail_proxy.operations.tokens import WRONG_TOKEN
from mail_proxy.wire.caller import Caller, Scope
from mail_proxy.wire.failure import STATUS
from mail_proxy.wire.fields import parse_request
from mail_proxy.wire.routes import Route, route_named, scope_of

ADMIN_NEEDED = "Admin token required"
NOT_FOR_TENANTS = "Admin token required, tenant tokens not allowed for this operation"
LOCAL_ONLY = "only on the machine of the instance, through its socket"
OTHER_TENANT = "Token not authorized for this tenant"
BROKEN = "internal error; the log of the daemon has the details"


class Door:
    """Opens for every face alike: HTTP, socket, command line, an embedding program."""

    def __init__(self, context: Context, audit: Audit) -> None:
        self._context = context
        self._audit = audit

    async def open(self, name: str, payload: object, caller: Caller) -> dict[str, Any]:
        """The answer; the value of `messages` may be an async generator.

        Raises MailProxyError; whatever else goes wrong is logged, and told as a bug of ours.
        """
        if not caller.request_id:
            caller = caller.asking(new_request_id())
        with OfRequest(caller.request_id):
            return await self._open(name, payload, caller)

    async def _open(self, name: str, payload: object, caller: Caller) -> dict[str, Any]:
        route = route_named(name)
        if route is None:
            raise NotFound(f"there is no command '{name[:100]}'")
        metrics_public = self._context.settings.http.metrics_public
        _check_scope(scope_of(route, metrics_public=metrics_public), caller)
        payload = {} if payload is None else payload
        try:
            answer = await self._run(route, payload, caller)
        except MailProxyError as error:
            _tell_refusal(route, caller, error)
            await self._note(route, payload, caller, _status(route, error), None)
            raise
        except Exception as error:  # noqa: BLE001 - a bug ends this command, and tells no secret
            events.command_broke(command=route.name, caller=caller.name, error=error)
            await self._note(route, payload, caller, 500, None)
            raise MailProxyError(BROKEN) from None
        await self._note(route, payload, caller, 200, answer)
        return answer

    async def _run(self, route: Route, payload: object, caller: Caller) -> dict[str, Any]:
        operation = OPERATIONS[route.name]
        if caller.tenant_id is not None and isinstance(payload, Mapping):
            payload = _own_tenant_only(payload, caller.tenant_id)
        request = parse_request(operation.request, payload)
        return dict(await operation.run(self._context.called_by(caller), request))

    async def _note(
        self,
        route: Route,
        payload: object,
        caller: Caller,
        status: int,
        answer: Mapping[str, Any] | None,
    ) -> None:
        if route.changes:
            shown = payload if isinstance(payload, Mapping) else {}
            await self._audit.note(route, caller, shown, status=status, answer=answer)


def _check_scope(needed: Scope, caller: Caller) -> None:
    """Raises Unauthorized or Forbidden."""
    if caller.scope >= needed:
        return
    if caller.scope is Scope.PUBLIC:
        raise Unauthorized(WRONG_TOKEN if needed is Scope.TENANT else ADMIN_NEEDED)
    if caller.scope is Scope.TENANT:
        raise Forbidden(NOT_FOR_TENANTS)
    raise Forbidden(LOCAL_ONLY)


def _own_tenant_only(payload: Mapping[str, Any], tenant_id: str) -> dict[str, Any]:
    """The payload with the caller's own tenant put in.

    Raises Unauthorized when another one is named anywhere; whether it exists makes no difference.
    """
    if any(named != tenant_id for named in _named_tenants(payload)):
        raise Unauthorized(OTHER_TENANT)
    return {**payload, "tenant_id": tenant_id}


def _named_tenants(payload: Mapping[str, Any]) -> Iterator[object]:
    """Every tenant that the payload names, also inside its messages; empty ones name nobody."""
    if payload.get("tenant_id") not in (None, ""):
        yield payload["tenant_id"]
    for value in payload.values():
        if isinstance(value, list):
            for item in value:
                if isinstance(item, Mapping) and item.get("tenant_id") not in (None, ""):
                    yield item["tenant_id"]


def _tell_refusal(route: Route, caller: Caller, error: MailProxyError) -> None:
    """A change that was not made, or what is not theirs, asked for with a good token.

    Not where all requests are refused alike, for a full disk or for their number: a line for each
    of them would fill the log, and the disk. That is told once, and counted.
    """
    if isinstance(error, StoreError | TooMany):
        return
    if route.changes or isinstance(error, Unauthorized | Forbidden):
        events.command_refused(
            command=route.name, caller=caller.name, code=error.code, why=str(error)
        )


def _status(route: Route, error: MailProxyError) -> int:
    if isinstance(error, NotFound):
        return route.not_found_status
    return STATUS.get(error.code, 500)
