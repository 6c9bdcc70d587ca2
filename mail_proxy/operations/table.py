"""The table of operations: each command's request model and function.

`wire/routes.py` has the same names with their paths and scopes; a mismatch fails at import.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mail_proxy.operations import (
    accounts,
    cache,
    changes,
    commands,
    events,
    instance,
    keys,
    listing,
    logs,
    messages,
    network,
    pauses,
    reports,
    resending,
    scheduler,
    storage,
    suppressions,
    tenants,
    webhook_secrets,
)
from mail_proxy.operations.accept import add_messages
from mail_proxy.wire.accounts import (
    AccountKey,
    AddAccount,
    ListAccounts,
    PauseAccount,
    UpdateAccount,
)
from mail_proxy.wire.cache import ClearCache
from mail_proxy.wire.commands import ExportCommands, ListCommands, PurgeCommands
from mail_proxy.wire.events import StreamEvents
from mail_proxy.wire.fields import NoFields, Request
from mail_proxy.wire.instance import GetStats, GetStatus, RotateKey, UpdateInstance
from mail_proxy.wire.logs import GetLogs
from mail_proxy.wire.messages import (
    AddMessages,
    ChangeMessages,
    CleanupMessages,
    ListMessages,
    MessageKey,
    ResendMessages,
    SettleMessages,
)
from mail_proxy.wire.network import CheckNetwork
from mail_proxy.wire.reports import ListReports, ReplayReports, ResumeReports
from mail_proxy.wire.routes import ROUTES
from mail_proxy.wire.scheduler import Activate, RunNow, Suspend
from mail_proxy.wire.storage import CheckStorage, DownloadFile
from mail_proxy.wire.suppressions import AddSuppressions, ListSuppressions, RemoveSuppression
from mail_proxy.wire.tenants import (
    AddKey,
    AddTenant,
    CreateKey,
    CreateWebhookSecret,
    ListTenants,
    OneKey,
    TenantKey,
    TenantOf,
    UpdateTenant,
)

# Each function takes a Context and exactly its own request; the table pairs them.
Function = Callable[[Any, Any], Awaitable[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Operation:
    """request: the model that the payload must fit. run: the function that gets it."""

    request: type[Request]
    run: Function


OPERATIONS: dict[str, Operation] = {
    "health": Operation(NoFields, instance.health),
    "metrics": Operation(NoFields, instance.metrics),
    "getStatus": Operation(GetStatus, instance.get_status),
    "getStats": Operation(GetStats, instance.get_stats),
    "getInstance": Operation(NoFields, instance.get_instance),
    "updateInstance": Operation(UpdateInstance, instance.update_instance),
    "reloadBounce": Operation(NoFields, instance.reload_bounce),
    "listCommands": Operation(ListCommands, commands.list_commands),
    "exportCommands": Operation(ExportCommands, commands.export_commands),
    "purgeCommands": Operation(PurgeCommands, commands.purge_commands),
    "checkNetwork": Operation(CheckNetwork, network.check_network),
    "getLogs": Operation(GetLogs, logs.get_logs),
    "getToken": Operation(NoFields, instance.get_token),
    "regenerateToken": Operation(NoFields, instance.regenerate_token),
    "rotateKey": Operation(RotateKey, instance.rotate_key),
    "getCache": Operation(NoFields, cache.get_cache),
    "clearCache": Operation(ClearCache, cache.clear_cache),
    "addTenant": Operation(AddTenant, tenants.add_tenant),
    "listTenants": Operation(ListTenants, tenants.list_tenants),
    "getTenant": Operation(TenantOf, tenants.get_tenant),
    "updateTenant": Operation(UpdateTenant, tenants.update_tenant),
    "deleteTenant": Operation(TenantKey, tenants.delete_tenant),
    "listTenantKeys": Operation(TenantKey, keys.list_tenant_keys),
    "addTenantKey": Operation(AddKey, keys.add_tenant_key),
    "deleteTenantKey": Operation(OneKey, keys.delete_tenant_key),
    "createTenantKey": Operation(CreateKey, keys.create_tenant_key),
    "revokeTenantKey": Operation(TenantKey, keys.revoke_tenant_key),
    "createWebhookSecret": Operation(CreateWebhookSecret, webhook_secrets.create_webhook_secret),
    "deleteWebhookSecret": Operation(TenantOf, webhook_secrets.delete_webhook_secret),
    "checkStorage": Operation(CheckStorage, storage.check_storage),
    "downloadFile": Operation(DownloadFile, storage.download_file),
    "addAccount": Operation(AddAccount, accounts.add_account),
    "listAccounts": Operation(ListAccounts, accounts.list_accounts),
    "getAccount": Operation(AccountKey, accounts.get_account),
    "updateAccount": Operation(UpdateAccount, accounts.update_account),
    "deleteAccount": Operation(AccountKey, accounts.delete_account),
    "pauseAccount": Operation(PauseAccount, pauses.pause_account),
    "resumeAccount": Operation(AccountKey, pauses.resume_account),
    "checkAccount": Operation(AccountKey, accounts.check_account),
    "addMessages": Operation(AddMessages, add_messages),
    "deleteMessages": Operation(ChangeMessages, changes.delete_messages),
    "cleanupMessages": Operation(CleanupMessages, messages.cleanup_messages),
    "listMessages": Operation(ListMessages, listing.list_messages),
    "retryMessages": Operation(ChangeMessages, changes.retry_messages),
    "holdMessages": Operation(ChangeMessages, changes.hold_messages),
    "freeMessages": Operation(ChangeMessages, changes.free_messages),
    "resendMessages": Operation(ResendMessages, resending.resend_messages),
    "settleMessages": Operation(SettleMessages, changes.settle_messages),
    "getMessage": Operation(MessageKey, messages.get_message),
    "explainMessage": Operation(MessageKey, messages.explain_message),
    "getMessageEvents": Operation(MessageKey, messages.get_message_events),
    "streamEvents": Operation(StreamEvents, events.stream_events),
    "getSyncStatus": Operation(NoFields, reports.get_sync_status),
    "listReports": Operation(ListReports, reports.list_reports),
    "replayReports": Operation(ReplayReports, reports.replay_reports),
    "resumeReports": Operation(ResumeReports, reports.resume_reports),
    "listSuppressions": Operation(ListSuppressions, suppressions.list_suppressions),
    "addSuppressions": Operation(AddSuppressions, suppressions.add_suppressions),
    "removeSuppression": Operation(RemoveSuppression, suppressions.remove_suppression),
    "runNow": Operation(RunNow, scheduler.run_now),
    "suspend": Operation(Suspend, scheduler.suspend),
    "activate": Operation(Activate, scheduler.activate),
}

if OPERATIONS.keys() != ROUTES.keys():
    raise ImportError(f"commands without both: {sorted(OPERATIONS.keys() ^ ROUTES.keys())}")
