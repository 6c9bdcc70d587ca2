"""What a client can ask for, by noun; the same for both clients.

`A` is what an answer is, `R` what a list of rows is: themselves for MailProxyClient, awaitables of
them for AsyncMailProxyClient.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, TypeAlias, TypeVar

from mail_proxy.client.fields import check_fields

Answer: TypeAlias = dict[str, Any]
Rows: TypeAlias = list[dict[str, Any]]
A = TypeVar("A")
R = TypeVar("R")

# A command, its fields, and what to take out of the answer (None: all of it).
Ask: TypeAlias = Callable[[str, Mapping[str, Any], str | None], Any]


class Noun(Generic[A, R]):
    """Things of one kind."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def __repr__(self) -> str:
        verbs = (name for name in dir(type(self)) if not name.startswith("_"))
        return f"<{type(self).__name__}: {', '.join(verbs)}>"

    def _answer(self, command: str, /, **fields: Any) -> A:
        """All of it. Raises Invalid for a field that the command does not have, as the next two."""
        check_fields(command, fields)
        found: A = self._ask(command, fields, None)
        return found

    def _part(self, part: str, command: str, /, **fields: Any) -> A:
        """One thing of the answer."""
        check_fields(command, fields)
        found: A = self._ask(command, fields, part)
        return found

    def _rows(self, part: str, command: str, /, **fields: Any) -> R:
        """A list in the answer."""
        check_fields(command, fields)
        found: R = self._ask(command, fields, part)
        return found


class Instance(Noun[A, R]):
    """The instance itself, and its nouns."""

    def __init__(self, ask: Ask) -> None:
        super().__init__(ask)
        self.messages: Messages[A, R] = Messages(ask)
        self.accounts: Accounts[A, R] = Accounts(ask)
        self.tenants: Tenants[A, R] = Tenants(ask)
        self.reports: Reports[A, R] = Reports(ask)
        self.suppressions: Suppressions[A, R] = Suppressions(ask)
        self.cache: Cache[A, R] = Cache(ask)
        self.command_log: CommandLog[A, R] = CommandLog(ask)

    def call(self, command: str, /, **fields: Any) -> A:
        """Any command of the API by its name; fields go as they are. Raises MailProxyError."""
        found: A = self._ask(command, fields, None)
        return found

    def status(self) -> A:
        """Whether the scheduler sends, what waits, and for how long the daemon has run."""
        return self.call("getStatus")

    def health(self) -> A:
        """`status` is `ok` while the daemon answers; no token is needed."""
        return self.call("health")

    def stats(self, tenant_id: str | None = None) -> A:
        """The queue by state and priority, paused accounts, what the engine does now."""
        return self.call("getStats", tenant_id=tenant_id)

    def info(self) -> A:
        """Its name, its version, and its settings with their sources; for the admin."""
        return self.call("getInstance")

    def run_now(self, tenant_id: str | None = None) -> A:
        """Look at the queue at once."""
        return self.call("runNow", tenant_id=tenant_id)

    def suspend(self, tenant_id: str | None = None, batch_code: str | None = None) -> A:
        """Stop sending for a tenant, or one batch of it; without a tenant, for all."""
        return self.call("suspend", tenant_id=tenant_id, batch_code=batch_code)

    def activate(self, tenant_id: str | None = None, batch_code: str | None = None) -> A:
        """Undo `suspend`."""
        return self.call("activate", tenant_id=tenant_id, batch_code=batch_code)


Ids: TypeAlias = str | Iterable[str]


class Messages(Noun[A, R]):
    """The queue. `tenant_id` may be left out with a tenant's token, or where it is clear.

    What is done is done to `ids`, or with `filter=...` to all that it finds. more: `dry_run`, and
    `limit` and `cursor` to go through many in parts, each of which is answered in a moment.
    """

    def list(self, tenant_id: str | None = None, **filters: Any) -> R:
        """filters: `status`, `account_id`, `batch_code`, `limit`, ... of `GET /messages`."""
        return self._rows("messages", "listMessages", tenant_id=tenant_id, **filters)

    def pending(self, tenant_id: str | None = None, **filters: Any) -> R:
        """Those that are not settled yet: waiting, deferred, being sent, held, in doubt."""
        return self.list(tenant_id, active_only=True, **filters)

    def sent(self, tenant_id: str | None = None, **filters: Any) -> R:
        """Those that a server has taken."""
        return self.list(tenant_id, status="sent", **filters)

    def errors(self, tenant_id: str | None = None, **filters: Any) -> R:
        """Those that have failed for good."""
        return self.list(tenant_id, status="error", **filters)

    def get(self, id: str, tenant_id: str | None = None) -> A:  # noqa: A002 - the wire's word
        """One message: its fields, its state, and each recipient with its reply."""
        return self._part("message", "getMessage", id=id, tenant_id=tenant_id)

    def events(self, id: str, tenant_id: str | None = None) -> R:  # noqa: A002 - the wire's word
        """What became of one message, oldest first."""
        return self._rows("events", "getMessageEvents", id=id, tenant_id=tenant_id)

    def why(self, id: str, tenant_id: str | None = None) -> A:  # noqa: A002 - the wire's word
        """Why one message is where it is, and the command to go on with."""
        return self._answer("explainMessage", id=id, tenant_id=tenant_id)

    def add(
        self,
        messages: Mapping[str, Any] | Iterable[Mapping[str, Any]],
        *,
        default_priority: int | str | None = None,
        idempotency_key: str | None = None,
    ) -> A:
        """Queue one message or many; `queued` and `rejected` tell what became of them.

        idempotency_key: the same post with the same key within a day gets the first answer again.
        """
        many = [messages] if isinstance(messages, Mapping) else list(messages)
        given = {"default_priority": default_priority, "idempotency_key": idempotency_key}
        extra = {name: value for name, value in given.items() if value is not None}
        return self._answer("addMessages", messages=[dict(m) for m in many], **extra)

    def delete(self, ids: Ids = (), tenant_id: str | None = None, **more: Any) -> A:
        """Remove them, all but what is being sent now; their ids are free again."""
        return self._change("deleteMessages", ids, tenant_id, more)

    def hold(self, ids: Ids = (), tenant_id: str | None = None, **more: Any) -> A:
        """Keep them from being sent until they are freed."""
        return self._change("holdMessages", ids, tenant_id, more)

    def free(self, ids: Ids = (), tenant_id: str | None = None, **more: Any) -> A:
        """Let held ones go."""
        return self._change("freeMessages", ids, tenant_id, more)

    def retry(self, ids: Ids = (), tenant_id: str | None = None, **more: Any) -> A:
        """Due now, all tries anew: failed, in doubt, held or waiting ones."""
        return self._change("retryMessages", ids, tenant_id, more)

    def resend(self, ids: Ids = (), tenant_id: str | None = None, **more: Any) -> A:
        """Finished ones, as new messages.

        more: `recipients` (`all`, `refused`), `new_id`, `idempotency_key` (as of `add`).
        """
        return self._change("resendMessages", ids, tenant_id, more)

    def settle(self, ids: Ids, outcome: str, tenant_id: str | None = None, **more: Any) -> A:
        """Messages in doubt: `sent` or `error`, as you know it."""
        return self._change("settleMessages", ids, tenant_id, {"as": outcome, **more})

    def _change(self, command: str, ids: Ids, tenant_id: str | None, more: Mapping[str, Any]) -> A:
        which = {} if "filter" in more and not ids else {"ids": _ids(ids)}
        return self._answer(command, **which, tenant_id=tenant_id, **more)

    def cleanup(self, older_than_seconds: float | None = None, tenant_id: str | None = None) -> A:
        """Remove reported messages; without an age, those older than the retention."""
        extra = {} if older_than_seconds is None else {"older_than_seconds": older_than_seconds}
        return self._answer("cleanupMessages", tenant_id=tenant_id, **extra)


class Accounts(Noun[A, R]):
    """SMTP accounts."""

    def list(self, tenant_id: str | None = None) -> R:
        """All of a tenant; without one, all that the token may see. Never a password."""
        return self._rows("accounts", "listAccounts", tenant_id=tenant_id)

    def get(self, account_id: str, tenant_id: str | None = None) -> A:
        """One account: its settings, its pause and why, its breaker."""
        return self._part("account", "getAccount", account_id=account_id, tenant_id=tenant_id)

    def add(self, account: Mapping[str, Any] | None = None, /, **fields: Any) -> A:
        """Add or replace: `add(id="main", host=..., port=587, user=..., password=...)`.

        only_new=True: raises Conflict for one that is there.
        """
        return self._answer("addAccount", **{**(account or {}), **fields})

    def update(self, account_id: str, tenant_id: str | None = None, **fields: Any) -> A:
        """Only the given fields change, as `limit_per_hour=500`; its secrets stay."""
        which = {"account_id": account_id, "tenant_id": tenant_id}
        return self._answer("updateAccount", **which, **fields)

    def delete(self, account_id: str, tenant_id: str | None = None) -> A:
        """Its messages wait for another account of that id."""
        return self._answer("deleteAccount", account_id=account_id, tenant_id=tenant_id)

    def check(self, account_id: str, tenant_id: str | None = None) -> A:
        """Connect, negotiate TLS, log in, send nothing; `failed_stage` and `failure` tell more."""
        return self._part("report", "checkAccount", account_id=account_id, tenant_id=tenant_id)

    def pause(
        self, account_id: str, tenant_id: str | None = None, *, reason: str | None = None
    ) -> A:
        """It sends nothing until it is resumed, over restarts too."""
        fields = {"account_id": account_id, "tenant_id": tenant_id}
        return self._part("account", "pauseAccount", **fields, reason=reason)

    def resume(self, account_id: str, tenant_id: str | None = None) -> A:
        """End a person's pause, and the pause of a fault."""
        fields = {"account_id": account_id, "tenant_id": tenant_id}
        return self._part("account", "resumeAccount", **fields)


class Suppressions(Noun[A, R]):
    """The addresses that a tenant's mail is not sent to; `@example.org` is everybody there."""

    def list(self, tenant_id: str | None = None, **page: Any) -> R:
        """By address. page: `limit`, `cursor`, or `address` to look for one."""
        return self._rows("suppressions", "listSuppressions", tenant_id=tenant_id, **page)

    def add(
        self,
        addresses: str | Iterable[str | Mapping[str, Any]],
        reason: str | None = None,
        tenant_id: str | None = None,
    ) -> A:
        """Texts, or objects with `address` and `reason`."""
        many = [addresses] if isinstance(addresses, str) else [*addresses]
        extra = {} if reason is None else {"reason": reason}
        return self._answer("addSuppressions", tenant_id=tenant_id, addresses=many, **extra)

    def remove(self, address: str, tenant_id: str | None = None) -> A:
        """Off the list. Raises NotFound for what was not on it."""
        return self._answer("removeSuppression", tenant_id=tenant_id, address=address)


class Tenants(Noun[A, R]):
    """Tenants; for the admin."""

    def list(self, *, active_only: bool = False) -> R:
        """All tenants."""
        return self._rows("tenants", "listTenants", active_only=active_only)

    def get(self, tenant_id: str) -> A:
        """One tenant; its secrets are masked."""
        return self._answer("getTenant", tenant_id=tenant_id)

    def add(self, tenant: Mapping[str, Any] | None = None, /, **fields: Any) -> A:
        """Add or replace; the answer to a new one has its `api_key`, shown this once.

        only_new=True: raises Conflict for one that is there.
        """
        return self._answer("addTenant", **{**(tenant or {}), **fields})

    def update(self, tenant_id: str, **fields: Any) -> A:
        """Only the given fields change."""
        return self._answer("updateTenant", tenant_id=tenant_id, **fields)

    def delete(self, tenant_id: str) -> A:
        """The tenant with its accounts and messages."""
        return self._answer("deleteTenant", tenant_id=tenant_id)

    def keys(self, tenant_id: str) -> R:
        """Its keys, without their secret part."""
        return self._rows("keys", "listTenantKeys", tenant_id=tenant_id)

    def add_key(self, tenant_id: str, **fields: Any) -> A:
        """One more key (`name`, `expires_at`); its `api_key` is shown this once."""
        return self._answer("addTenantKey", tenant_id=tenant_id, **fields)

    def delete_key(self, tenant_id: str, key_id: str) -> A:
        """This key ends at once."""
        return self._answer("deleteTenantKey", tenant_id=tenant_id, key_id=key_id)

    def create_webhook_secret(self, tenant_id: str, *, overlap_s: float | None = None) -> A:
        """A new `secret` for its reports, shown this once; the old one signs too for a while."""
        extra = {} if overlap_s is None else {"overlap_s": overlap_s}
        return self._answer("createWebhookSecret", tenant_id=tenant_id, **extra)

    def check_storage(self, tenant_id: str) -> A:
        """Whether its `storage_url` works: `works`, and the `steps` that were tried."""
        return self._answer("checkStorage", tenant_id=tenant_id)

    def delete_webhook_secret(self, tenant_id: str) -> A:
        """Its reports are not signed any more."""
        return self._answer("deleteWebhookSecret", tenant_id=tenant_id)


class Reports(Noun[A, R]):
    """What the application is told of its messages."""

    def list(self, tenant_id: str | None = None, **filters: Any) -> R:
        """Events that it has not acknowledged; filters: `state`, `limit`, `cursor`."""
        return self._rows("reports", "listReports", tenant_id=tenant_id, **filters)

    def replay(self, tenant_id: str | None = None, **which: Any) -> A:
        """Report once more: `event_ids`, or `ids` of messages, or `since_ts` and `until_ts`."""
        return self._answer("replayReports", tenant_id=tenant_id, **which)

    def resume(self, tenant_id: str | None = None) -> A:
        """Go on after a 410, a backoff, and with what was parked."""
        return self._answer("resumeReports", tenant_id=tenant_id)

    def status(self) -> R:
        """How far each tenant's reports have come; for the admin."""
        return self._rows("tenants", "getSyncStatus")


class Cache(Noun[A, R]):
    """The attachments that were fetched already; for the admin."""

    def stats(self) -> A:
        """Of each tier `entries`, `bytes`, `hits`, `misses` and its limits."""
        return self._answer("getCache")

    def clear(self, tenant_id: str | None = None) -> A:
        """Forget those of a tenant, or all; they are fetched again when they are needed."""
        return self._answer("clearCache", tenant_id=tenant_id)


class CommandLog(Noun[A, R]):
    """Who changed what; for the admin."""

    def list(self, tenant_id: str | None = None, **filters: Any) -> R:
        """The latest. filters: `since_ts`, `until_ts`, `endpoint_filter`, `limit`."""
        return self._rows("commands", "listCommands", tenant_id=tenant_id, **filters)

    def purge(self, before_ts: float) -> A:
        """Forget what is older: seconds since the epoch."""
        return self._answer("purgeCommands", before_ts=before_ts)


def _ids(ids: str | Iterable[str]) -> list[str]:
    return [ids] if isinstance(ids, str) else list(ids)


def event_fields(kinds: Iterable[str] | None, **fields: Any) -> dict[str, Any]:
    """Of `streamEvents`."""
    check_fields("streamEvents", fields)
    return fields if kinds is None else {**fields, "kinds": ",".join(kinds)}
