"""What is asked before a command does damage: the same words at the shell and at the prompt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mail_proxy.domain.safe_text import safe_text
from mail_proxy.domain.units import local_time, rfc3339

_QUESTIONS = {
    "cleanupMessages": "Delete the finished messages{of_tenant}{age}?",
    "createTenantKey": "Make a new first key for '{tenant_id}'? The old one ends at once.",
    "deleteAccount": "Delete account '{account_id}'{of_tenant}? Mail that waits for it cannot go.",
    "deleteTenant": "Delete tenant '{tenant_id}' with its accounts and all its messages?",
    "deleteTenantKey": "Revoke key '{key_id}'{of_tenant}? Who uses it is refused at once.",
    "deleteWebhookSecret": (
        "Delete the webhook secret{of_tenant}? Its reports are not signed then."
    ),
    "purgeCommands": "Remove the command log{of_instance} before {when}?",
    "regenerateToken": "Replace the admin token{of_instance}? The old one ends at once.",
    "revokeTenantKey": "Revoke the first key{of_tenant}? Who uses it is refused at once.",
    "rotateKey": "Replace the encryption key{of_instance}? Old backups need the old key.",
    "suspend": "Suspend all sending{of_instance}?",
}


def asks_before(command: str, fields: Mapping[str, Any]) -> bool:
    """One tenant is easily suspended and activated again; the whole instance is asked about."""
    return command in _QUESTIONS and not (command == "suspend" and fields.get("tenant_id"))


def question_before(
    command: str, fields: Mapping[str, Any], *, instance: str | None = None
) -> str | None:
    """None for a command that asks nothing. fields: of its request, with those of its path.

    instance: its name, where it has to be told.
    """
    if not asks_before(command, fields):
        return None
    shown = {name: safe_text(value, 80) for name, value in fields.items()}
    older_than, before = fields.get("older_than_seconds"), fields.get("before_ts")
    if command == "purgeCommands" and rfc3339(before) is None:
        return None  # nothing is removed: the daemon refuses it
    shown |= {
        "of_tenant": _of(fields.get("tenant_id")),
        "of_instance": _of(instance),
        "age": " past their retention"
        if older_than is None
        else f" older than {safe_text(older_than, 20)} s",
        "when": local_time(before),
    }
    return _QUESTIONS[command].format_map(shown)


def _of(name: object) -> str:
    return f" of '{safe_text(name, 80)}'" if name else ""
