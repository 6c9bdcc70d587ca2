"""The command line against a fake world: instances in a folder, a control that remembers.

It is long, for it answers every command that a line may call.
"""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import pytest

from mail_proxy.cli.doors import Daemon, DaemonState, Session, Started, Watch
from mail_proxy.cli.main import run
from mail_proxy.config.instances import Instance
from mail_proxy.domain.errors import Conflict, MailProxyError, NotFound, RejectedBatch

NOW = 1_795_000_000.0


@dataclass
class FakeInstance:
    """What one instance knows: enough of the commands for the command line."""

    tenants: dict[str, dict[str, Any]] = field(default_factory=dict)
    accounts: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    messages: dict[str, dict[str, Any]] = field(default_factory=dict)
    events: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    report: dict[str, Any] = field(default_factory=dict)
    reports: list[dict[str, Any]] = field(default_factory=list)
    sync: dict[str, Any] = field(default_factory=dict)
    suppressions: dict[str, str | None] = field(default_factory=dict)
    steps: list[dict[str, Any]] = field(default_factory=list)
    cache: dict[str, Any] = field(default_factory=dict)
    log: list[dict[str, Any]] = field(default_factory=list)
    settings: list[dict[str, Any]] = field(default_factory=list)
    version: str = ""
    network: dict[str, Any] = field(default_factory=dict)
    token: str = "mp_first"
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    fails_with: MailProxyError | Exception | None = None
    is_live: bool = True
    open_controls: int = 0
    is_suspended: bool = False
    leased: int = 0
    waiting_for_a_person: dict[str, int] = field(default_factory=dict)  # by state
    paused: list[dict[str, Any]] = field(default_factory=list)

    def call(self, command: str, /, **fields: Any) -> dict[str, Any]:
        self.calls.append((command, fields))
        if self.fails_with is not None:
            raise self.fails_with
        answer = getattr(self, f"_{command}")(**fields)
        # Everything crosses the wire as JSON.
        return json.loads(json.dumps({"ok": True, **answer}))

    def last(self, command: str) -> dict[str, Any]:
        return [fields for name, fields in self.calls if name == command][-1]

    def names(self) -> list[str]:
        return [name for name, _ in self.calls]

    def _tenant(self, tenant_id: str) -> dict[str, Any]:
        if tenant_id not in self.tenants:
            raise NotFound(f"Tenant '{tenant_id}' not found")
        return self.tenants[tenant_id]

    def _listTenants(self, active_only: bool = False) -> dict[str, Any]:  # noqa: N802
        return {"tenants": [t for t in self.tenants.values() if t["active"] or not active_only]}

    def _getTenant(self, tenant_id: str) -> dict[str, Any]:  # noqa: N802
        return self._tenant(tenant_id)

    def _addTenant(self, only_new: bool = False, **fields: Any) -> dict[str, Any]:  # noqa: N802
        if only_new and fields["id"] in self.tenants:
            raise Conflict(f"tenant '{fields['id']}' already exists")
        self.tenants[fields["id"]] = {"active": True, **fields}
        return {"api_key": "mp_tenant_key"}

    def _updateTenant(self, tenant_id: str, **fields: Any) -> dict[str, Any]:  # noqa: N802
        self._tenant(tenant_id).update(fields)
        return {}

    def _deleteTenant(self, tenant_id: str) -> dict[str, Any]:  # noqa: N802
        self._tenant(tenant_id)
        del self.tenants[tenant_id]
        return {}

    def _listTenantKeys(self, tenant_id: str) -> dict[str, Any]:  # noqa: N802
        self._tenant(tenant_id)
        return {"keys": [{"key_id": "1", "prefix": "mp_ab", "created_at": "2026-11-01T00:00:00"}]}

    def _addTenantKey(self, tenant_id: str, **fields: Any) -> dict[str, Any]:  # noqa: N802
        self._tenant(tenant_id)
        return {"api_key": "mp_more_key", "key": {"key_id": "2", **fields}}

    def _deleteTenantKey(self, tenant_id: str, key_id: str) -> dict[str, Any]:  # noqa: N802
        self._tenant(tenant_id)
        if key_id != "1":
            raise NotFound(f"Key '{key_id}' not found")
        return {}

    def _createTenantKey(self, tenant_id: str) -> dict[str, Any]:  # noqa: N802
        self._tenant(tenant_id)
        return {"api_key": "mp_new_key"}

    def _createWebhookSecret(self, tenant_id: str, overlap_s: float) -> dict[str, Any]:  # noqa: N802
        old = self._tenant(tenant_id).get("webhook_secrets", [])
        new = {"secret": "********", "created_at": "2026-11-01T00:00:00"}
        ends = {"expires_ts": int(NOW + overlap_s)}
        self.tenants[tenant_id]["webhook_secrets"] = [new, *(each | ends for each in old)]
        extra = {"old_secret_expires_ts": int(NOW + overlap_s)} if old and overlap_s else {}
        return {"secret": "whsec_bmV3", **extra}

    def _deleteWebhookSecret(self, tenant_id: str) -> dict[str, Any]:  # noqa: N802
        del self._tenant(tenant_id)["webhook_secrets"]
        return {}

    def _checkStorage(self, tenant_id: str) -> dict[str, Any]:  # noqa: N802
        self._tenant(tenant_id)
        return {"works": all(step["ok"] for step in self.steps), "steps": self.steps}

    def _listReports(self, state: str, limit: int, **tenant: str) -> dict[str, Any]:  # noqa: N802
        found = [r for r in self.reports if r["state"] in state.split(",")]
        found = [r for r in found if tenant.get("tenant_id") in (None, r["tenant_id"])]
        more = {"next_cursor": "x"} if len(found) > limit else {}
        return {"reports": found[:limit], **more}

    def _replayReports(self, **which: Any) -> dict[str, Any]:  # noqa: N802
        named = which.get("event_ids") or which.get("ids") or []
        known = {r["event_id"] for r in self.reports} | {r["id"] for r in self.reports}
        lost = [name for name in named if name not in known]
        return {"replayed": len(named) - len(lost) if named else 2, "not_found": lost}

    def _resumeReports(self, tenant_id: str) -> dict[str, Any]:  # noqa: N802
        self._tenant(tenant_id)
        return {"tenant_id": tenant_id, "was_paused": True, "failures": 3, "unparked": 2}

    def _getSyncStatus(self) -> dict[str, Any]:  # noqa: N802
        plain = {"active": True, "unreported": 0, "parked": 0, "failures": 0, "paused": False}
        return {"tenants": [{"id": id_, **plain, **self.sync} for id_ in self.tenants]}

    def _getStatus(self, tenant_id: str | None = None) -> dict[str, Any]:  # noqa: N802
        pending = len(self._pending(tenant_id))
        return {"scheduler_active": not self.is_suspended, "pending_messages": pending}

    def _pending(self, tenant_id: str | None) -> list[dict[str, Any]]:
        return [m for m in self.messages.values() if m["status"] in ("pending", "deferred")]

    def _getStats(self, tenant_id: str | None = None) -> dict[str, Any]:  # noqa: N802
        n = len(self._pending(tenant_id))
        states = {"waiting": n, "leased": self.leased, "suspended": self._n_suspended()}
        return {
            "messages": {"pending": n, "sent": 1234, "error": 2},
            "by_state": states | self.waiting_for_a_person,
            "by_priority": {"2": {"waiting": n, "sent": 1234}},
            "paused_accounts": self.paused,
            "scheduler_active": not self.is_suspended,
            "now": NOW,
        }

    def _n_suspended(self) -> int:
        return sum(message["state"] == "suspended" for message in self.messages.values())

    def _getInstance(self) -> dict[str, Any]:  # noqa: N802
        active = not self.is_suspended
        known = {"id": 1, "name": "my", "bounce_enabled": False, "scheduler_active": active}
        known |= {"settings": self.settings} if self.settings else {}
        return known | ({"version": self.version} if self.version else {})

    def _checkNetwork(self, login: bool) -> dict[str, Any]:  # noqa: N802
        return {"accounts": [], "callbacks": [], "unchecked": 0} | self.network

    def _updateInstance(self, **fields: Any) -> dict[str, Any]:  # noqa: N802
        return {}

    def _reloadBounce(self) -> dict[str, Any]:  # noqa: N802
        return {}

    def _rotateKey(self, lost: bool = False) -> dict[str, Any]:  # noqa: N802
        return {"values": 1234}

    def _listCommands(self, limit: int, **which: Any) -> dict[str, Any]:  # noqa: N802
        return {"commands": self.log[::-1][:limit]}

    def _exportCommands(self, cursor: str = "0", **which: Any) -> dict[str, Any]:  # noqa: N802
        first = int(cursor)
        more = {"next_cursor": str(first + 2)} if len(self.log) > first + 2 else {}
        names = ("endpoint", "tenant_id", "payload", "command_ts")
        page = [{name: line[name] for name in names} for line in self.log[first : first + 2]]
        return {"commands": page, **more}

    def _purgeCommands(self, before_ts: float) -> dict[str, Any]:  # noqa: N802
        old = [line for line in self.log if line["command_ts"] < before_ts]
        self.log = [line for line in self.log if line not in old[:2]]
        return {"removed": len(old[:2]), "has_more": len(old) > 2}

    def _getToken(self) -> dict[str, Any]:  # noqa: N802
        return {"token": self.token}

    def _regenerateToken(self) -> dict[str, Any]:  # noqa: N802
        self.token = "mp_second"
        return {"token": self.token}

    def _runNow(self, tenant_id: str | None = None) -> dict[str, Any]:  # noqa: N802
        return {"triggered": True}

    def _suspend(
        self, tenant_id: str | None = None, batch_code: str | None = None
    ) -> dict[str, Any]:
        if tenant_id is None:
            self.is_suspended = True
        else:
            self._tenant(tenant_id)["suspended_batches"] = batch_code or "*"
        return {"suspended_batches": [batch_code or "*"], "pending_messages": 3}

    def _activate(
        self, tenant_id: str | None = None, batch_code: str | None = None
    ) -> dict[str, Any]:
        if tenant_id is None:
            self.is_suspended = False
        else:
            self._tenant(tenant_id).pop("suspended_batches", None)
        return {"suspended_batches": [], "pending_messages": 3}

    def _listAccounts(self, tenant_id: str) -> dict[str, Any]:  # noqa: N802
        return {"accounts": [a for (t, _), a in self.accounts.items() if t == tenant_id]}

    def _getAccount(self, tenant_id: str, account_id: str) -> dict[str, Any]:  # noqa: N802
        if (tenant_id, account_id) not in self.accounts:
            raise NotFound("account not found or not owned by tenant")
        return {"account": self.accounts[tenant_id, account_id]}

    def _addAccount(  # noqa: N802
        self, tenant_id: str, only_new: bool = False, **fields: Any
    ) -> dict[str, Any]:
        self._tenant(tenant_id)
        if only_new and (tenant_id, fields["id"]) in self.accounts:
            raise Conflict(f"account '{fields['id']}' already exists in '{tenant_id}'")
        self.accounts[tenant_id, fields["id"]] = {"tenant_id": tenant_id, **fields}
        return {}

    def _updateAccount(self, tenant_id: str, account_id: str, **fields: Any) -> dict[str, Any]:  # noqa: N802
        account = self._getAccount(tenant_id, account_id)["account"]
        changed = {**account, **fields}
        self.accounts[tenant_id, account_id] = {
            name: value for name, value in changed.items() if value not in ("", 0, [])
        }
        return {}

    def _listSuppressions(  # noqa: N802
        self, tenant_id: str, limit: int, cursor: str | None = None
    ) -> dict[str, Any]:
        self._tenant(tenant_id)
        left = [address for address in sorted(self.suppressions) if address > (cursor or "")]
        told = [
            {"address": a, "reason": self.suppressions[a], "created_at": "2026-01-01T00:00:00.000"}
            for a in left[:limit]
        ]
        more = {"next_cursor": left[limit - 1]} if len(left) > limit else {}
        return {"suppressions": told, **more}

    def _addSuppressions(self, tenant_id: str, addresses: list[Any]) -> dict[str, Any]:  # noqa: N802
        self._tenant(tenant_id)
        good = {a["address"]: a.get("reason") for a in addresses if "@" in a["address"]}
        bad = [a["address"] for a in addresses if "@" not in a["address"]]
        n = len(good.keys() - self.suppressions.keys())
        self.suppressions |= good
        rejected = [{"address": a, "reason": f"'{a}' is not a mail address"} for a in bad]
        return {"added": n, "updated": len(good) - n, "rejected": rejected}

    def _removeSuppression(self, tenant_id: str, address: str) -> dict[str, Any]:  # noqa: N802
        self._tenant(tenant_id)
        if address not in self.suppressions:
            raise NotFound(f"'{address}' is not on the suppression list")
        del self.suppressions[address]
        return {}

    def _getCache(self) -> dict[str, Any]:  # noqa: N802
        return self.cache

    def _clearCache(self, tenant_id: str | None = None) -> dict[str, Any]:  # noqa: N802
        if tenant_id is not None:
            self._tenant(tenant_id)
        return {"removed": 2}

    def _deleteAccount(self, tenant_id: str, account_id: str) -> dict[str, Any]:  # noqa: N802
        del self.accounts[tenant_id, account_id]
        return {}

    def _pauseAccount(self, tenant_id: str, account_id: str, **why: str) -> dict[str, Any]:  # noqa: N802
        account = self._getAccount(tenant_id, account_id)["account"]
        account |= {"paused_by": "person", "paused_reason": why.get("reason")}
        return {"account": account}

    def _resumeAccount(self, tenant_id: str, account_id: str) -> dict[str, Any]:  # noqa: N802
        account = self._getAccount(tenant_id, account_id)["account"]
        account.pop("paused_by", None)
        return {"account": account}

    def _checkAccount(self, tenant_id: str, account_id: str) -> dict[str, Any]:  # noqa: N802
        self._getAccount(tenant_id, account_id)
        return {"report": self.report}

    def _addMessages(self, tenant_id: str, messages: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N802
        named = messages[0].get("account_id")
        owned = [a for t, a in self.accounts if t == tenant_id]
        reason = "" if named in owned else "account not found for tenant"
        if named is None:
            reason = "" if len(owned) == 1 else "missing account_id"
        if reason:
            raise RejectedBatch(None, [{"id": messages[0]["id"], "reason": reason}])
        return {"queued": len(messages), "rejected": []}

    def _listMessages(  # noqa: N802
        self, tenant_id: str, limit: int, cursor: str | None = None, **chosen: Any
    ) -> dict[str, Any]:
        found = [m for m in self.messages.values() if _matches(m, chosen)]
        start = int(cursor or 0)
        page: dict[str, Any] = {"messages": found[start : start + limit]}
        if start + limit < len(found):
            page["next_cursor"] = str(start + limit)
        return page

    def _getMessage(self, tenant_id: str, id: str) -> dict[str, Any]:  # noqa: A002, N802
        if id not in self.messages:
            raise NotFound(f"message '{id}' not found")
        return {"message": self.messages[id]}

    def _getMessageEvents(self, tenant_id: str, id: str) -> dict[str, Any]:  # noqa: A002, N802
        self._getMessage(tenant_id, id)
        return {"events": self.events.get(id, [])}

    def _explainMessage(self, tenant_id: str, id: str) -> dict[str, Any]:  # noqa: A002, N802
        message = self._getMessage(tenant_id, id)["message"]
        return {
            "id": id,
            "code": message.get("why_code"),
            **{k: message.get(k) for k in ("why", "do")},
        }

    def _deleteMessages(self, **how: Any) -> dict[str, Any]:  # noqa: N802
        told = self._change(how, lambda message: message["status"] != "sending")
        if not how.get("dry_run"):
            for id_ in told["done"]:
                del self.messages[id_]
        left = [each["id"] for each in told["not_possible"]]
        return {**told, "removed": len(told["done"]), "not_found": told["not_found"] + left}

    def _retryMessages(self, **how: Any) -> dict[str, Any]:  # noqa: N802
        return self._change(how, lambda message: message["status"] != "sent")

    def _holdMessages(self, **how: Any) -> dict[str, Any]:  # noqa: N802
        return self._change(how, lambda message: message["status"] == "pending", "held")

    def _freeMessages(self, **how: Any) -> dict[str, Any]:  # noqa: N802
        return self._change(how, lambda message: message["status"] == "held", "pending")

    def _resendMessages(self, **how: Any) -> dict[str, Any]:  # noqa: N802
        told = self._change(how, lambda message: message["status"] in ("sent", "error"))
        made = [{"id": i, "new_id": how.get("new_id") or f"{i}-r1"} for i in told["done"]]
        return {**told, "resent": made}

    def _settleMessages(self, **how: Any) -> dict[str, Any]:  # noqa: N802
        return self._change(how, lambda message: message["status"] == "in_doubt", how["as"])

    def _change(
        self, how: dict[str, Any], is_possible: Callable[[Any], bool], status: str = ""
    ) -> dict[str, Any]:
        """By ids, or all whose status the filter names; in parts of `part`."""
        word = how.get("filter", "").removeprefix("state:")
        matching = [i for i, m in self.messages.items() if m["status"] == word or word == "all"]
        start = int(how.get("cursor") or 0)
        chosen = matching[start : start + how["limit"]] if "filter" in how else how["ids"]
        there = [i for i in chosen if i in self.messages]
        done = [i for i in there if is_possible(self.messages[i])]
        why = [{"id": i, "reason": "already sent", "state": "sent"} for i in there if i not in done]
        if not how.get("dry_run") and status:
            self.messages |= {i: {**self.messages[i], "status": status} for i in done}
        absent = [i for i in chosen if i not in there]
        counts = {"done": len(done), "not_found": len(absent), "not_possible": len(why)}
        told = {"done": done, "not_found": absent, "not_possible": why, "counts": counts}
        if "filter" in how and start + how["limit"] < len(matching):
            told["next_cursor"] = str(start + how["limit"])
        return told

    def _cleanupMessages(  # noqa: N802
        self, tenant_id: str, older_than_seconds: int | None = None
    ) -> dict[str, Any]:
        return {"removed": 7}


def _matches(message: dict[str, Any], chosen: dict[str, Any]) -> bool:
    statuses = chosen.get("status", message["status"]).split(",")
    rest = {key: value for key, value in chosen.items() if key != "status"}
    return message["status"] in statuses and all(message.get(k) == v for k, v in rest.items())


class FakeControl:
    def __init__(self, world: FakeInstance) -> None:
        self._world = world
        world.open_controls += 1

    @property
    def is_live(self) -> bool:
        return self._world.is_live

    def call(self, command: str, /, **fields: Any) -> dict[str, Any]:
        return self._world.call(command, **fields)

    def close(self) -> None:
        self._world.open_controls -= 1


class Became(Exception):
    """The process would have become another program."""


class FakeDoors:
    """Instances are folders with a config.toml; daemons are a set of names."""

    def __init__(self) -> None:
        self.worlds: dict[str, FakeInstance] = {}
        self.running: set[str] = set()
        self.dead: set[str] = set()
        self.start_fails_with: MailProxyError | None = None
        self.check_fails_with: MailProxyError | None = None
        self.bound: dict[str, tuple[str, int]] = {}  # where each daemon listens
        self.given: dict[str, dict[str, str]] = {}  # and where that was told
        self.makes_before_failing = False
        self.warnings: tuple[str, ...] = ()
        self.stopped_with_force: bool | None = None
        self.stop_takes_s: tuple[float, ...] = ()
        self.became: tuple[list[str], dict[str, str]] | None = None

    def control(self, instance: Instance, environ: Mapping[str, str]) -> FakeControl:
        return FakeControl(self.worlds.setdefault(instance.name, FakeInstance()))

    def create(self, instance: Instance) -> None:
        instance.folder.mkdir(parents=True, exist_ok=True)
        instance.config_path.write_text("")

    def check(
        self, instance: Instance, environ: Mapping[str, str], *, host: str | None, port: int | None
    ) -> None:
        if self.check_fails_with is not None:
            raise self.check_fails_with

    def start(
        self,
        instance: Instance,
        environ: Mapping[str, str],
        *,
        host: str | None,
        port: int | None,
        timeout_s: float,
    ) -> Started:
        if self.start_fails_with is not None:
            if not instance.exists() and self.makes_before_failing:
                self.create(instance)
            with instance.log_path.open("a") as log:
                log.write("boom one\nboom two\n")
            raise self.start_fails_with
        was_running = instance.name in self.running
        if not was_running:
            if not instance.exists():
                self.create(instance)
            self.bound[instance.name] = (host or "127.0.0.1", port or 8000)
            self.given[instance.name] = {"port": "option" if port else "config.toml"}
        self.running.add(instance.name)
        host, port = self.bound.get(instance.name, ("127.0.0.1", 8000))
        return Started(4242, f"http://{host}:{port}", was_running, self.warnings)

    def stop(self, instance: Instance, *, force: bool, on_wait: Callable[[float], None]) -> bool:
        for waited_s in self.stop_takes_s:
            on_wait(waited_s)
        self.stopped_with_force = force
        was_running = instance.name in self.running
        self.running.discard(instance.name)
        return was_running

    def status(self, instance: Instance) -> Daemon:
        if instance.name in self.running:
            host, port = self.bound.get(instance.name, ("127.0.0.1", 8000))
            url, sources = f"http://{host}:{port}", self.given.get(instance.name, {})
            return Daemon(DaemonState.RUNNING, 4242, url, NOW - 125, host, port, sources)
        return Daemon(DaemonState.DEAD if instance.name in self.dead else DaemonState.STOPPED)

    def front_command(
        self,
        instance: Instance | None,
        *,
        host: str | None,
        port: int | None,
        is_new: bool = False,
    ) -> list[str]:
        return ["python", *(["--new"] if is_new else []), instance.name if instance else "--serve"]

    def become(self, command: Sequence[str], environ: Mapping[str, str]) -> NoReturn:
        self.became = (list(command), dict(environ))
        raise Became


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@dataclass
class Ran:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class FakeFaces:
    """opened: (instance, how it was asked for). code: what each ends with."""

    def __init__(self) -> None:
        self.opened: list[tuple[Instance, Watch | Session]] = []
        self.code = 0

    def repl(self, instance: Instance, environ: Mapping[str, str], session: Session) -> int:
        self.opened.append((instance, session))
        return self.code

    def dashboard(self, instance: Instance, environ: Mapping[str, str], watch: Watch) -> int:
        self.opened.append((instance, watch))
        return self.code


class Cli:
    """`cli("list", "--json")` runs a line; `.world("my")` is what an instance knows."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.doors = FakeDoors()
        self.faces = FakeFaces()
        self.environ: dict[str, str] = {"MAIL_PROXY_HOME": str(root)}

    def __call__(
        self, *argv: str, typed: str | None = None, tty: bool = False, piped: str = ""
    ) -> Ran:
        """typed: what the person at the terminal types; tty: stdout is a terminal too."""
        on_terminal = typed is not None
        stdin = Terminal(typed) if typed is not None else io.StringIO(piped)
        stdout = Terminal() if tty else io.StringIO()
        stderr = Terminal() if on_terminal else io.StringIO()
        code = run(
            argv,
            doors=self.doors,
            faces=self.faces,
            environ=self.environ,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
        )
        return Ran(int(code), stdout.getvalue(), stderr.getvalue())

    def instance(self, name: str = "my", *, running: bool = True) -> FakeInstance:
        """Make an instance, with a tenant `acme` that has an account `main`."""
        folder = self.root / name
        folder.mkdir(parents=True)
        (folder / "config.toml").write_text("")
        if running:
            self.doors.running.add(name)
        world = FakeInstance(is_live=running)
        world.tenants["acme"] = {"id": "acme", "name": "Acme", "active": True}
        world.accounts["acme", "main"] = {"id": "main", "tenant_id": "acme", "host": "h", "port": 1}
        self.doors.worlds[name] = world
        return world


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    # The width of a table must not depend on who runs the tests.
    monkeypatch.setenv("COLUMNS", "100")
    return Cli(tmp_path / "home")


def a_message(message_id: str = "m1", **fields: Any) -> dict[str, Any]:
    """A message as the wire shows it."""
    return {
        "pk": "123456789",
        "id": message_id,
        "tenant_id": "acme",
        "account_id": "main",
        "status": "pending",
        "state": "waiting",
        "priority": 2,
        "tries": 0,
        "size_bytes": 2048,
        "created_at": "2026-11-21T10:00:00.000",
        "updated_at": "2026-11-21T10:00:00.000",
        "is_pec": False,
        "recipients": [{"address": "bob@example.com", "state": "pending"}],
        "message": {
            "id": message_id,
            "from": "a@example.com",
            "to": "bob@example.com",
            "subject": "Hi",
        },
        **fields,
    }


@pytest.fixture
def make_message() -> Callable[..., dict[str, Any]]:
    return a_message


@pytest.fixture(autouse=True)
def _no_file_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an unforeseen error leaves behind belongs to its test."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
