"""The addresses that a tenant's mail is not sent to: list, add, remove, and ask at each post.

An address is written down in lower case, with its domain in ASCII, so `Ann@Bücher.example` and
`ann@xn--bcher-kva.example` are one. In the part before the @ a server might tell the cases apart;
in fact hardly one does, and a list that misses somebody who wants no mail is worse than one that
catches two.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from mail_proxy.compose import envelope_address
from mail_proxy.domain.address import parse_address
from mail_proxy.domain.errors import Invalid, NotFound, RejectedBatch
from mail_proxy.domain.message import check_line
from mail_proxy.operations.context import Context, no_tenant
from mail_proxy.store.values.intake import NewMessage
from mail_proxy.wire.answers import OK, Ok, iso_time
from mail_proxy.wire.suppressions import (
    AddSuppressions,
    ListSuppressions,
    NotSuppressed,
    RemoveSuppression,
    Suppressed,
    SuppressionRecord,
    Suppressions,
)

MAX_REASON_CHARS = 500
NOT_LISTED = "not on the suppression list"


async def list_suppressions(ctx: Context, request: ListSuppressions) -> Suppressions:
    """By address, a page at a time."""
    tenant_id = ctx.known_tenant(ctx.tenant_id(request.tenant_id))
    if request.address is None:
        after, limit = request.cursor or "", request.limit
        found = await ctx.store.list_suppressions(tenant_id, after=after, limit=limit + 1)
    else:
        limit = 1
        found = await ctx.store.find_suppression(tenant_id, listed(request.address))
    answer: Suppressions = {"ok": True, "suppressions": []}
    for each in found[:limit]:
        record: SuppressionRecord = {
            "address": each.address,
            "created_at": iso_time(each.created_at),
        }
        if each.reason:
            record["reason"] = each.reason
        answer["suppressions"].append(record)
    if len(found) > limit:
        answer["next_cursor"] = found[limit - 1].address
    return answer


async def add_suppressions(ctx: Context, request: AddSuppressions) -> Suppressed:
    """From the next post on nothing is sent to them.

    What waits already is sent. Raises RejectedBatch when none of them is an address.
    """
    tenant_id = ctx.known_tenant(ctx.tenant_id(request.tenant_id))
    reasons: dict[str, str | None] = {}
    rejected: list[NotSuppressed] = []
    for entry in request.addresses:
        try:
            address, reason = _entry(entry)
            reasons[address] = request.reason if reason is None else reason
        except Invalid as error:
            rejected.append(_rejection(entry, error))
    if not reasons:
        raise RejectedBatch("none of these is an address", [dict(each) for each in rejected])
    added = await ctx.store.suppress(tenant_id, reasons, now=ctx.clock.now())
    if added is None:
        raise no_tenant(tenant_id)
    ctx.directory.set_suppressing(tenant_id, is_so=True)
    return {
        "ok": True,
        "added": added,
        "updated": len(reasons) - added,
        "rejected": rejected,
    }


async def remove_suppression(ctx: Context, request: RemoveSuppression) -> Ok:
    """Send to an address, or a whole domain, again."""
    tenant_id = ctx.known_tenant(ctx.tenant_id(request.tenant_id))
    if not await ctx.store.unsuppress(tenant_id, listed(request.address)):
        raise NotFound(f"'{request.address}' is {NOT_LISTED}")
    return OK


def listed(address: str) -> str:
    """How an address, or a whole `@domain`, stands on the list. Raises Invalid."""
    if address.startswith("@"):
        return _key(parse_address(f"x{address}", field="address").addr_spec)[1:]
    return _key(parse_address(address, field="address").addr_spec)


async def without_suppressed(
    ctx: Context, messages: Sequence[NewMessage]
) -> list[NewMessage | Invalid]:
    """Each message with those recipients marked that are on the list; Invalid where all are."""
    keys: dict[str, dict[str, None]] = {}
    for message in messages:
        if ctx.directory.is_suppressing(message.tenant_id):
            keys.setdefault(message.tenant_id, {}).update(
                dict.fromkeys(key for address in message.recipients for key in _keys(address))
            )
    found = {
        tenant_id: await ctx.store.suppressed(tenant_id, list(theirs))
        for tenant_id, theirs in keys.items()
    }
    return [_marked(message, found.get(message.tenant_id, {})) for message in messages]


def _marked(message: NewMessage, on_list: Mapping[str, str | None]) -> NewMessage | Invalid:
    if not on_list:
        return message
    marked = tuple(
        (position, _why(address, on_list[key]))
        for position, address in enumerate(message.recipients)
        if (key := next((k for k in _keys(address) if k in on_list), None)) is not None
    )
    if len(marked) < len(message.recipients):
        return replace(message, suppressed=marked) if marked else message
    more = f", and {len(marked) - 1} more" if len(marked) > 1 else ""
    return Invalid(f"{marked[0][1]}{more}", field="to")


def _why(address: str, reason: str | None) -> str:
    return f"recipient suppressed: {address}" + (f" ({reason})" if reason else "")


def _keys(address: str) -> Iterable[str]:
    """What on the list concerns an address, the nearest first."""
    key = _key(address)
    return key, "@" + key.rpartition("@")[2]


def _key(addr_spec: str) -> str:
    return envelope_address(addr_spec, field="address").lower()


def _entry(entry: object) -> tuple[str, str | None]:
    address: object = entry
    reason: object = None
    if isinstance(entry, Mapping):
        address, reason = entry.get("address"), entry.get("reason")
    if not isinstance(address, str) or not address:
        raise Invalid("missing address", field="address")
    if reason is None or reason == "":
        return listed(address), None
    words = check_line(reason, field="reason")
    if len(words) > MAX_REASON_CHARS:
        raise Invalid(f"reason is longer than {MAX_REASON_CHARS} characters", field="reason")
    return listed(address), words


def _rejection(entry: object, error: Invalid) -> NotSuppressed:
    given = entry.get("address") if isinstance(entry, Mapping) else entry
    shown = given[:300] if isinstance(given, str) and given.isprintable() else None
    rejection: NotSuppressed = {"address": shown, "reason": str(error)}
    if error.field:
        rejection["field"] = error.field
    return rejection
