"""Django's mail through mail-proxy: `send_mail` returns as soon as the message is in the queue.

In the settings::

    EMAIL_BACKEND = "mail_proxy.integrations.django.EmailBackend"
    MAIL_PROXY = {
        "URL": "http://127.0.0.1:8000",
        "TOKEN": os.environ["MAIL_PROXY_TOKEN"],  # a tenant's key
        "ACCOUNT_ID": "main",                     # optional, as all that follow
        "PRIORITY": "high",
    }

A message may say more in an attribute of its own, with the fields of `add-messages`::

    mail = EmailMessage(...)
    mail.mail_proxy = {"id": "invoice-17", "priority": "immediate", "batch_code": "june"}

With an `id` of your own a repeated `send` after a timeout doubles nothing: a message whose id was
sent before counts as sent, and is not sent again, even if its text is another. A message goes as
Django composes it (`raw`), so alternatives, attachments and headers are as its SMTP backend's.
"""

from __future__ import annotations

import base64
import itertools
import threading
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from mail_proxy.client import MailProxyClient
from mail_proxy.domain.errors import MailProxyError, RejectedBatch
from mail_proxy.domain.message import ALREADY_SENT
from mail_proxy.wire.messages import MAX_BATCH

_DEFAULTS = {"ACCOUNT_ID": "account_id", "TENANT_ID": "tenant_id", "PRIORITY": "priority"}
_MOST_BYTES = 16 * 2**20  # of one post; a larger message has a post of its own


class EmailBackend(BaseEmailBackend):  # type: ignore[misc]  # Django has no types
    """One connection for as long as Django holds it; threads may share it.

    Raises ImproperlyConfigured where the address or the token is missing. Without `fail_silently`
    `send_messages` raises RejectedBatch for what was not taken, after the others were queued. Many
    messages go in several posts: when a later one fails, RejectedBatch lists its messages and all
    behind them too, each with that failure, which is its `__cause__`. Other MailProxyErrors are
    raised where nothing is known to be queued.
    """

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        fail_silently: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(fail_silently=fail_silently, **kwargs)
        given: Mapping[str, Any] = getattr(settings, "MAIL_PROXY", {})
        self._url = url or given.get("URL")
        self._token = token or given.get("TOKEN")
        for name, value in (("URL", self._url), ("TOKEN", self._token)):
            if not value:
                raise ImproperlyConfigured(f"MAIL_PROXY['{name}'] is not set")
        self._defaults = {
            field: given[name] for name, field in _DEFAULTS.items() if given.get(name) is not None
        }
        self._client: MailProxyClient | None = None
        self._lock = threading.RLock()

    def open(self) -> bool:
        """True when this call made the client."""
        with self._lock:
            if self._client is not None:
                return False
            self._client = MailProxyClient(str(self._url), self._token)
            return True

    def close(self) -> None:
        """Close the connections; harmless when it is done twice."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """How many are in the queue now."""
        messages = [mail for mail in email_messages if mail.recipients()]
        if not messages:
            return 0
        with self._lock:
            made = self.open()
            try:
                return self._send(messages)
            finally:
                if made:
                    self.close()

    def _send(self, messages: Sequence[EmailMessage]) -> int:
        assert self._client is not None
        queued, rejected = 0, []
        failure: MailProxyError | None = None
        batches = _batches([self._entry(mail) for mail in messages])
        for at, batch in enumerate(batches):
            try:
                taken, refused = _add(self._client, batch)
            except MailProxyError as error:
                if at == 0 and not self.fail_silently:
                    raise
                failure = error
                rest = itertools.chain.from_iterable(batches[at:])
                rejected += [{"id": entry["id"], "reason": str(error)} for entry in rest]
                break
            queued += taken
            rejected += refused
        if rejected and not self.fail_silently:
            raise RejectedBatch(_sentence(rejected), rejected) from failure
        return queued

    def _entry(self, mail: EmailMessage) -> dict[str, Any]:
        """The message as `add-messages` takes it."""
        composed = mail.message().as_bytes()
        entry: dict[str, Any] = {
            "id": uuid4().hex,
            "from": mail.extra_headers.get("From", mail.from_email),
            "to": list(mail.to) or mail.recipients(),
            "subject": " ".join(str(mail.subject).split()),
            "raw": base64.b64encode(composed).decode("ascii"),
        }
        if mail.to:
            entry |= {"cc": list(mail.cc), "bcc": list(mail.bcc)}
        return {**entry, "return_path": mail.from_email, **self._defaults, **_own(mail)}


def _own(mail: EmailMessage) -> Mapping[str, Any]:
    """What the message says itself."""
    own: Mapping[str, Any] = getattr(mail, "mail_proxy", {})
    return own


def _batches(entries: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """In order, each small enough for one post."""
    batches: list[list[dict[str, Any]]] = []
    room = 0
    for entry in entries:
        size = len(entry["raw"])
        if not batches or size > room or len(batches[-1]) == MAX_BATCH:
            batches.append([])
            room = _MOST_BYTES
        batches[-1].append(entry)
        room -= size
    return batches


def _add(
    client: MailProxyClient, batch: Sequence[Mapping[str, Any]]
) -> tuple[int, list[dict[str, Any]]]:
    """How many were queued, and what was not; one whose id was sent before counts."""
    try:
        answer = client.messages.add(batch)
    except RejectedBatch as error:
        return 0, error.rejected
    rejected = answer["rejected"]
    known = [entry for entry in rejected if entry["reason"] == ALREADY_SENT]
    refused = [entry for entry in rejected if entry not in known]
    return answer["queued"] + len(known), refused


def _sentence(rejected: Sequence[Mapping[str, Any]]) -> str:
    first = rejected[0]
    others = f", and {len(rejected) - 1} more" if len(rejected) > 1 else ""
    return f"mail-proxy did not take message {first['id']}: {first['reason']}{others}"
