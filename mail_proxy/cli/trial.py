"""A short mail that shows whether an account can send."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mail_proxy.cli.here import Here
from mail_proxy.domain.errors import MailProxyError


def trial_message(
    found: Here, message_id: str, to: Sequence[str], sender: str | None, account_id: str | None
) -> dict[str, Any]:
    """The fields of a message to those addresses."""
    return {
        "id": message_id,
        "from": sender or _user_of(found, account_id) or to[0],
        "to": list(to),
        "subject": f"Test mail from {found.instance_name}",
        "body": (
            f"This is a test mail of tenant {found.tenant_id} on {found.instance_name}.\n"
            "Whoever reads it may delete it: it went through.\n"
        ),
    }


def _user_of(found: Here, account_id: str | None) -> str:
    """The user of the account, where it is an address: its server most likely lets it send.

    Without an account's name: of the one it goes through, the default, else the only one there is.
    Empty when nothing of it is known.
    """
    try:
        accounts = found.call("listAccounts", tenant_id=found.tenant_id)["accounts"]
    except MailProxyError:
        return ""  # posting the mail will say why
    fitting = [a for a in accounts if account_id in (None, a.get("id"))]
    if account_id is None:
        fitting = [a for a in fitting if a.get("is_default")] or fitting
    user = str(fitting[0].get("user") or "") if len(fitting) == 1 else ""
    return user if "@" in user else ""
