"""The fields of the commands whose verbs take them by name: what is none of them is a slip.

The wire ignores a field that it does not know; at a prompt and in a script `limit_per_hou=5` would
be answered `ok` and change nothing. Data only, as the models of the wire take long to be imported.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mail_proxy.domain.errors import Invalid
from mail_proxy.domain.safe_text import safe_text
from mail_proxy.domain.suggest import near

_OF_MANY = "tenant_id ids filter limit cursor dry_run"
_OF_ACCOUNT = """
    tenant_id host port user password auth_method oauth2 use_tls tls_mode ttl batch_size
    limit_per_minute limit_per_hour limit_per_day limit_behavior is_default is_pec_account
    imap_host imap_port imap_user imap_password imap_folder imap_ssl in_doubt max_connections
    max_retries retry_delays max_age
"""
_OF_TENANT = """
    name client_base_url client_sync_path client_attachment_path client_auth rate_limits
    large_file_config report_style active max_queued max_requests_per_minute attachment_folders
"""

FIELDS: Mapping[str, frozenset[str]] = {
    command: frozenset(names.split())
    for command, names in {
        "listMessages": "tenant_id active_only include_history limit cursor status account_id "
        "batch_code to subject since_ts until_ts filter order reverse count brief",
        "deleteMessages": _OF_MANY,
        "holdMessages": _OF_MANY,
        "freeMessages": _OF_MANY,
        "retryMessages": _OF_MANY,
        "resendMessages": f"{_OF_MANY} recipients new_id idempotency_key",
        "settleMessages": f"{_OF_MANY} as",
        "addAccount": f"{_OF_ACCOUNT} id only_new",
        "updateAccount": f"{_OF_ACCOUNT} account_id",
        "listSuppressions": "tenant_id limit cursor address",
        "addTenant": f"{_OF_TENANT} id api_key_expires_at only_new",
        "updateTenant": f"{_OF_TENANT} tenant_id",
        "addTenantKey": "tenant_id name expires_at",
        "listReports": "tenant_id state limit cursor",
        "replayReports": "tenant_id event_ids ids since_ts until_ts",
        "listCommands": "tenant_id since_ts until_ts endpoint_filter limit",
        "streamEvents": "tenant_id kinds after last_event_id limit for_s",
    }.items()
}

_ANSWER = "yes"  # to a question of the prompt; a script that was tried there keeps it


def check_fields(command: str, given: Iterable[str]) -> None:
    """Raises Invalid naming the first field that the command does not have."""
    known = FIELDS.get(command)
    if known is None:
        return
    for name in given:
        if name not in known and name != _ANSWER:
            raise Invalid(_no_such(name, known), field=name)


def _no_such(name: str, known: frozenset[str]) -> str:
    guesses = near(name, known)
    told = f"Did you mean {' or '.join(guesses)}?" if guesses else f"It has {_listed(known)}"
    return f"there is no field '{safe_text(name, 80)}'. {told}"


def _listed(names: frozenset[str]) -> str:
    return ", ".join(sorted(names))
