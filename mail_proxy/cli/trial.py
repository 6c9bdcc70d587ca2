"""A short mail that shows whether an account can send."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mail_proxy.cli.here import Here
from mail_proxy.domain.errors import MailProxyError


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the line says of a test mail; None is ours."""

    to: Sequence[str]
    sender: str | None = None
    subject: str | None = None
    text: str | None = None

    def option(self) -> str:
        """The first that was given and a mail file says itself; empty for none."""
        given = {"--from": self.sender, "--subject": self.subject, "--text": self.text}
        return next((name for name, value in given.items() if value is not None), "")


def trial_message(
    found: Here, message_id: str, wanted: Wanted, account_id: str | None
) -> dict[str, Any]:
    """The fields of a message to those addresses."""
    subject, text = wanted.subject, wanted.text
    return {
        "id": message_id,
        "from": wanted.sender or _user_of(found, account_id) or wanted.to[0],
        "to": list(wanted.to),
        "subject": f"Test mail from {found.instance_name}" if subject is None else subject,
        "body": f"{text}\n"
        if text is not None
        else (
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
