"""The table of commands: name, HTTP method and path, scope, audit.

`operations/` binds each name to its models and its function, `api/` to a route, the controls to a
request. A test holds that all of them cover this table. Standard library only: the CLI loads it.
"""

from __future__ import annotations

from dataclasses import dataclass

from mail_proxy.wire.caller import Scope


@dataclass(frozen=True, slots=True)
class Route:
    """One command.

    method, path: `{name}` in the path is a field of the request.
    query: fields that travel in the query string; all others travel in the JSON body.
    changes: written to the command log.
    not_found_status: some routes have answered 400 for an absent thing since ever.
    also: statuses beyond those that each route of its kind may answer with; for the description.
    sends_file: it is answered with octets, or with a redirect to them; a HEAD is answered too.
    headers: (name, field) of those fields that travel in a header of the request.
    streams: it is answered, always or where that is asked for, with server-sent events.
    judges_each: the items of its list one by one, so what is wrong in one spoils no other.
    """

    name: str
    method: str
    path: str
    scope: Scope
    query: tuple[str, ...] = ()
    changes: bool = False
    not_found_status: int = 404
    also: tuple[int, ...] = ()
    judges_each: bool = False
    sends_file: bool = False
    streams: bool = False
    headers: tuple[tuple[str, str], ...] = ()


_T, _A, _P, _L = Scope.TENANT, Scope.ADMIN, Scope.PUBLIC, Scope.LOCAL

_LISTING = (
    "tenant_id",
    "active_only",
    "include_history",
    "limit",
    "cursor",
    "status",
    "account_id",
    "batch_code",
    "to",
    "subject",
    "since_ts",
    "until_ts",
    "filter",
    "order",
    "reverse",
    "count",
    "brief",
)

_ONE_MESSAGE = ("tenant_id", "pk")

_TABLE = (
    Route("health", "GET", "/health", _P),
    Route("metrics", "GET", "/metrics", _P),
    Route("getStatus", "GET", "/status", _T, ("tenant_id",)),
    Route("getStats", "GET", "/stats", _T, ("tenant_id",)),
    Route("getInstance", "GET", "/instance", _A),
    Route("updateInstance", "PUT", "/instance", _A, changes=True, also=(409,)),
    Route("reloadBounce", "POST", "/instance/reload-bounce", _A, changes=True),
    Route(
        "listCommands",
        "GET",
        "/command-log",
        _A,
        ("tenant_id", "since_ts", "until_ts", "endpoint_filter", "limit"),
    ),
    Route(
        "exportCommands",
        "GET",
        "/command-log/export",
        _A,
        ("tenant_id", "since_ts", "until_ts", "endpoint_filter", "cursor"),
    ),
    Route("purgeCommands", "DELETE", "/command-log", _A, ("before_ts", "limit"), changes=True),
    Route("checkNetwork", "POST", "/instance/check", _A),
    Route(
        "getLogs",
        "GET",
        "/logs",
        _A,
        ("lines", "level", "since_ts", "follow", "for_s"),
        streams=True,
    ),
    Route("getToken", "GET", "/instance/token", _L),
    Route("regenerateToken", "POST", "/instance/token", _L, changes=True),
    Route("rotateKey", "POST", "/instance/rotate-key", _L, changes=True),
    Route("getCache", "GET", "/cache", _A),
    Route("clearCache", "POST", "/cache/clear", _A, ("tenant_id",), changes=True),
    # tenants
    Route("addTenant", "POST", "/tenant", _A, changes=True, also=(409,)),
    Route("listTenants", "GET", "/tenants", _A, ("active_only",)),
    Route("getTenant", "GET", "/tenant/{tenant_id}", _T),
    Route("updateTenant", "PUT", "/tenant/{tenant_id}", _T, changes=True),
    Route("deleteTenant", "DELETE", "/tenant/{tenant_id}", _A, changes=True),
    Route("listTenantKeys", "GET", "/tenant/{tenant_id}/keys", _A),
    Route("addTenantKey", "POST", "/tenant/{tenant_id}/keys", _A, changes=True),
    Route("deleteTenantKey", "DELETE", "/tenant/{tenant_id}/keys/{key_id}", _A, changes=True),
    Route("createTenantKey", "POST", "/tenant/{tenant_id}/api-key", _A, changes=True),
    Route("revokeTenantKey", "DELETE", "/tenant/{tenant_id}/api-key", _A, changes=True),
    Route("createWebhookSecret", "POST", "/tenant/{tenant_id}/webhook-secret", _T, changes=True),
    Route("deleteWebhookSecret", "DELETE", "/tenant/{tenant_id}/webhook-secret", _T, changes=True),
    # files that mails have links to
    Route("checkStorage", "POST", "/tenant/{tenant_id}/storage/check", _A, also=(409,)),
    Route(
        "downloadFile",
        "GET",
        "/download/{token}/{filename}",
        _P,
        not_found_status=410,
        also=(403, 410, 416),
        sends_file=True,
    ),
    # accounts
    Route("addAccount", "POST", "/account", _T, ("tenant_id",), changes=True, also=(409,)),
    Route("listAccounts", "GET", "/accounts", _T, ("tenant_id",)),
    Route("getAccount", "GET", "/account/{account_id}", _T, ("tenant_id",), also=(409,)),
    Route(
        "updateAccount",
        "PUT",
        "/account/{account_id}",
        _T,
        ("tenant_id",),
        changes=True,
        also=(409,),
    ),
    Route(
        "deleteAccount",
        "DELETE",
        "/account/{account_id}",
        _T,
        ("tenant_id",),
        changes=True,
        not_found_status=400,
        also=(409,),
    ),
    Route(
        "pauseAccount",
        "POST",
        "/account/{account_id}/pause",
        _T,
        ("tenant_id",),
        changes=True,
        also=(409,),
    ),
    Route(
        "resumeAccount",
        "POST",
        "/account/{account_id}/resume",
        _T,
        ("tenant_id",),
        changes=True,
        also=(409,),
    ),
    Route("checkAccount", "POST", "/account/{account_id}/check", _T, ("tenant_id",), also=(409,)),
    # messages
    Route(
        "addMessages",
        "POST",
        "/commands/add-messages",
        _T,
        changes=True,
        judges_each=True,
        headers=(("Idempotency-Key", "idempotency_key"),),
        also=(409,),
    ),
    Route("deleteMessages", "POST", "/commands/delete-messages", _T, ("tenant_id",), changes=True),
    Route(
        "cleanupMessages", "POST", "/commands/cleanup-messages", _T, ("tenant_id",), changes=True
    ),
    Route("listMessages", "GET", "/messages", _T, _LISTING),
    Route("retryMessages", "POST", "/messages/retry", _T, ("tenant_id",), changes=True),
    Route("holdMessages", "POST", "/messages/hold", _T, ("tenant_id",), changes=True),
    Route("freeMessages", "POST", "/messages/free", _T, ("tenant_id",), changes=True),
    Route(
        "resendMessages",
        "POST",
        "/messages/resend",
        _T,
        ("tenant_id",),
        changes=True,
        headers=(("Idempotency-Key", "idempotency_key"),),
        also=(409,),
    ),
    Route("settleMessages", "POST", "/messages/settle", _T, ("tenant_id",), changes=True),
    Route("getMessage", "GET", "/messages/{id}", _T, _ONE_MESSAGE, also=(409,)),
    Route("explainMessage", "GET", "/messages/{id}/why", _T, _ONE_MESSAGE, also=(409,)),
    Route("getMessageEvents", "GET", "/messages/{id}/events", _T, _ONE_MESSAGE, also=(409,)),
    # what happens
    Route(
        "streamEvents",
        "GET",
        "/events/stream",
        _T,
        ("tenant_id", "kinds", "after", "limit", "for_s"),
        headers=(("Last-Event-ID", "last_event_id"),),
        streams=True,
    ),
    # reports
    Route("getSyncStatus", "GET", "/tenants/sync-status", _A),
    Route("listReports", "GET", "/reports", _T, ("tenant_id", "state", "limit", "cursor")),
    Route(
        "replayReports", "POST", "/reports/replay", _T, ("tenant_id",), changes=True, also=(409,)
    ),
    Route("resumeReports", "POST", "/reports/resume", _T, ("tenant_id",), changes=True),
    # suppressions
    Route(
        "listSuppressions",
        "GET",
        "/suppressions",
        _T,
        ("tenant_id", "limit", "cursor", "address"),
    ),
    Route("addSuppressions", "POST", "/suppressions", _T, ("tenant_id",), changes=True),
    Route(
        "removeSuppression", "DELETE", "/suppressions", _T, ("tenant_id", "address"), changes=True
    ),
    # scheduler
    Route("runNow", "POST", "/commands/run-now", _T, ("tenant_id",), changes=True),
    Route(
        "suspend",
        "POST",
        "/commands/suspend",
        _T,
        ("tenant_id", "batch_code"),
        changes=True,
        not_found_status=400,
    ),
    Route(
        "activate",
        "POST",
        "/commands/activate",
        _T,
        ("tenant_id", "batch_code"),
        changes=True,
        not_found_status=400,
    ),
)

ROUTES: dict[str, Route] = {route.name: route for route in _TABLE}


def scope_of(route: Route, *, metrics_public: bool) -> Scope:
    """What `route` is open to, where the settings may close the metrics."""
    if route.name == "metrics" and not metrics_public:
        return Scope.ADMIN
    return route.scope


def route_named(name: str) -> Route | None:
    """The route of a command; `addMessages`, `add-messages` and `add messages` are the same."""
    return _BY_LOOSE_NAME.get(_loose(name))


def _loose(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


_BY_LOOSE_NAME = {_loose(name): route for name, route in ROUTES.items()}
