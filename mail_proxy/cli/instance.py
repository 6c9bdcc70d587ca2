"""`NAME info`, `stats`, `token`, and what `NAME` alone says."""

from __future__ import annotations

from typing import Any

import typer

from mail_proxy.cli import suspended
from mail_proxy.cli.grammar import Family
from mail_proxy.cli.here import Here, here
from mail_proxy.cli.queue_numbers import queue_line, queue_numbers
from mail_proxy.cli.tree import INSTANCE
from mail_proxy.config.instances import Instance
from mail_proxy.domain import units
from mail_proxy.domain.errors import MailProxyError
from mail_proxy.domain.message import PRIORITY_WORDS
from mail_proxy.domain.safe_text import safe_text
from mail_proxy.tables.columns import Column, detail_columns, show_count

app = Family()

# The states of a message as a person reads them, in the order of its life.
_STATE_TITLES = (
    ("waiting", "WAITING"),
    ("leased", "SENDING"),
    ("suspended", "SUSPENDED"),
    ("held", "HELD"),
    ("in_doubt", "IN DOUBT"),
    ("sent", "SENT"),
    ("failed", "FAILED"),
    ("bounced", "BOUNCED"),
)


@app.command()
def info(
    ctx: typer.Context,
    paths: bool = typer.Option(False, "--paths", help="Only where its files are."),
) -> None:
    """What it is, where it is, and where its settings come from.

    Examples:
      mail-proxy myserver info
      mail-proxy myserver info --paths
    """
    found = here(ctx)
    instance = found.instance
    if paths:
        record = _paths(instance)
        found.writer.record(record, [Column(key) for key in record])
        return
    daemon = found.doors.status(instance)
    told = found.call("getInstance")
    record = {
        "name": instance.name,
        "state": daemon.state.value,
        "pid": daemon.pid if daemon.is_running else None,
        "url": daemon.url if daemon.is_running else None,
        "started_at": daemon.started_at if daemon.is_running else None,
        "folder": str(instance.folder),
        **{key: value for key, value in told.items() if key not in ("ok", "name", "settings")},
        "settings": told.get("settings"),
    }
    found.writer.record(record, [c for c in detail_columns(record) if c.key != "settings"])
    if found.writer.is_for_people and not found.options.fields:
        _print_settings(found, record["settings"])


def _print_settings(found: Here, settings: Any) -> None:
    if isinstance(settings, list) and settings:
        found.writer.line()
        found.writer.heading("Settings")
        keys = list(settings[0])
        found.writer.records([Column(key) for key in keys], settings)


def _paths(instance: Instance) -> dict[str, Any]:
    return {
        "folder": str(instance.folder),
        "config": str(instance.config_path),
        "database": str(instance.database_path),
        "key": str(instance.key_path),
        "log": str(instance.log_path),
        "pid_file": str(instance.pid_path),
        "socket": str(instance.socket_path),
        "attachments": str(instance.folder / "attachments"),
    }


@app.command()
def stats(ctx: typer.Context) -> None:
    """The queue in numbers.

    Examples:
      mail-proxy myserver stats
      mail-proxy myserver stats --json
    """
    found = here(ctx)
    print_stats(found, found.call("getStats"))


def print_stats(found: Here, told: dict[str, Any], tenant: dict[str, Any] | None = None) -> None:
    """Numbers of an instance or a tenant: for programs as they came, for people as tables."""
    record = {key: value for key, value in told.items() if key != "ok"}
    if not found.writer.is_for_people or found.options.fields:
        found.writer.record(record, [Column(key) for key in record])
        return
    if record.get("secrets_problem"):
        found.writer.warn(
            f"{record['secrets_problem']}. Nothing is deleted, and accounts with a password wait. "
            f"Put the key back, then: mail-proxy restart {found.instance_name}; "
            f"or, without it: mail-proxy {found.instance_name} rotate-key --lost"
        )
    _print_by_priority(found, record.get("by_priority", {}))
    oldest = record.get("oldest_waiting_s")
    if oldest is not None:
        found.writer.line(f"\noldest due message: {units.duration(oldest)}")
    print_suspended(found, record, tenant)
    paused = record.get("paused_accounts") or []
    if paused:
        found.writer.line()
        found.writer.heading("Paused accounts")
        found.writer.records(_PAUSED, paused)


def print_suspended(
    found: Here, stats: dict[str, Any], tenant: dict[str, Any] | None = None
) -> None:
    """Why nothing is sent, as far as somebody has wanted it so."""
    name = found.instance_name
    below = suspended.of_tenant(name, tenant) if tenant else suspended.of_its_tenants(name, stats)
    for sentence in (*suspended.of_instance(name, stats), *below):
        found.writer.line(sentence)


def print_paused(found: Here, stats: dict[str, Any]) -> None:
    """Accounts that send nothing now, and where to go on."""
    for sentence in suspended.of_accounts(found.instance_name, stats):
        found.writer.prose(sentence)


_PAUSED = (
    Column("tenant_id", "tenant", is_id=True),
    Column("account_id", "account", is_id=True),
    Column("paused_until_ts", "until", lambda value, now: units.until(value, now), right=True),
    Column("paused_reason", "why"),
)


def _print_by_priority(found: Here, by_priority: dict[str, dict[str, int]]) -> None:
    rows: list[dict[str, Any]] = []
    for number, word in enumerate(PRIORITY_WORDS):
        rows.append({"priority": word, **by_priority.get(str(number), {})})
    total = {state: sum(row.get(state, 0) for row in rows) for state, _ in _STATE_TITLES}
    rows.append({"priority": "all", **total})
    columns = [Column("priority")]
    for state, title in _STATE_TITLES:
        # What hardly ever happens takes no room until it does.
        if total[state] or state in ("waiting", "leased", "sent", "failed"):
            columns.append(Column(state, title, _show_number, right=True))
    found.writer.records(columns, rows)


def _show_number(value: object, now: float) -> str:
    return show_count(value, now) if value else "·"


@app.command()
def token(
    ctx: typer.Context,
    regenerate: bool = typer.Option(
        False, "--regenerate", "-r", help="Make a new one; the old one ends at once."
    ),
    dry_run: bool = typer.Option(False, "--dry-run", help="Only say what would change."),
) -> None:
    """The admin token, alone on stdout.

    Examples:
      curl -H "X-API-Token: $(mail-proxy myserver token)" http://127.0.0.1:8000/status
      mail-proxy myserver token --regenerate
    """
    found = here(ctx)
    name = found.instance.name
    if dry_run:
        verb = "replace" if regenerate else "show"
        found.writer.would(f"{verb} the admin token of '{name}'")
        return
    if not regenerate:
        _print_token(found, found.call("getToken"))
        return
    found.prompts.confirm_command("regenerateToken", instance=name)
    _print_token(found, found.call("regenerateToken"))
    found.writer.hint(
        "Applications that use the old token must be told; dashboards must reconnect."
    )


@app.command("rotate-key")
def rotate_key(
    ctx: typer.Context,
    lost: bool = typer.Option(
        False, "--lost", help="The key is gone for good: give passwords anew after this."
    ),
    confirm: str | None = typer.Option(None, "--confirm", metavar="NAME", help="With --lost."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Only say what would change."),
) -> None:
    """Encrypt all secrets with a new key.

    Mail goes on meanwhile. The new key is in secret.key, and the old one is gone: a backup of the
    database from before needs the key from before. What is cut off goes on at the next start.

    Examples:
      mail-proxy myserver rotate-key
    """
    found = here(ctx)
    name = found.instance.name
    if dry_run:
        found.writer.would(f"replace the encryption key of '{name}'")
        return
    if lost:
        _replace_lost_key(found, name, confirm)
        return
    found.prompts.confirm_command("rotateKey", instance=name)
    n = int(found.call("rotateKey")["values"])
    text = f"'{name}' has a new encryption key; secrets encrypted anew: {units.count(n)}"
    found.writer.done({"name": name, "values": n}, text)
    found.writer.hint(f"Back up the database and {found.instance.key_path} together.")


def _replace_lost_key(found: Here, name: str, confirm: str | None) -> None:
    question = f"Give up all passwords and tokens that are stored in '{name}'?"
    found.prompts.confirm_name(question, name, confirmed=confirm, forced=False)
    found.call("rotateKey", lost=True)
    found.writer.done({"name": name, "values": 0}, f"'{name}' has a new encryption key")
    found.writer.hint(
        "Accounts and tenants that need their secrets again say so:\n"
        f"  mail-proxy {name} TENANT accounts set-password ID"
    )


def _print_token(found: Here, told: dict[str, Any]) -> None:
    found.writer.done({"token": told["token"]}, str(told["token"]))


def print_short_status(found: Here) -> None:
    """What `mail-proxy NAME` says: whether it runs, the queue in a line, what can be asked."""
    instance = found.instance
    daemon = found.doors.status(instance)
    if found.writer.format not in ("table", "plain"):
        stats = _stats(found)
        record = {
            "name": instance.name,
            "state": daemon.state.value,
            "suspended": suspended.is_suspended(stats) if stats else None,
            **queue_numbers(stats),
        }
        found.writer.record(record, [Column(key) for key in record])
        return
    where = f", pid {daemon.pid}, {daemon.url}" if daemon.is_running and daemon.pid else ""
    found.writer.line(f"'{instance.name}' is {daemon.state.value}{where}")
    stats = _stats(found)
    print_suspended(found, stats)
    print_paused(found, stats)
    if queue_numbers(stats):
        found.writer.line(queue_line(stats))
    found.writer.line()
    for heading, words in _words_below():
        found.writer.prose(f"{heading}: {', '.join(words)}", "  ")
    found.writer.hint(f"\nWhat they do: mail-proxy {instance.name} --help")
    if not daemon.is_running:
        found.writer.hint(f"Start it: mail-proxy start {instance.name}")


def _words_below() -> list[tuple[str, list[str]]]:
    """By heading; a line for each would push what was said before from a screen of 24 lines."""
    found: dict[str, list[str]] = {}
    for entry in INSTANCE:
        found.setdefault(entry.section, []).append(entry.name)
    return [*found.items(), ("One tenant", ["TENANT, as in acme, and its commands"])]


def _stats(found: Here) -> dict[str, Any]:
    """Nothing, with a warning, when they cannot be had."""
    try:
        return found.call("getStats")
    except MailProxyError as error:
        found.writer.warn(f"the queue cannot be read: {safe_text(error)}")
        return {}
