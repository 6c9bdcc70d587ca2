"""`proxy`: one instance, with all that the clients can ask of it, drawn for a person."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import Any

from mail_proxy.client import verbs
from mail_proxy.client.verbs import event_fields
from mail_proxy.control.base import SyncControl
from mail_proxy.domain.errors import MailProxyError, NotRunning
from mail_proxy.domain.safe_text import safe_text
from mail_proxy.domain.units import local_time
from mail_proxy.repl.asking import Asker, error_record
from mail_proxy.repl.drawn import Fragments
from mail_proxy.repl.keys import LIMIT, KnownKeys, Look
from mail_proxy.repl.nouns import Accounts, CommandLog, Messages, Tenants
from mail_proxy.repl.results import Record, Table


class Proxy(verbs.Instance[Record, Table]):
    """This instance.

    proxy.status()  .stats()  .health()  .info()    how it is
    proxy.run_now()  .suspend()  .activate()        let it send, or not
    proxy.messages   list pending sent errors get events why add
                     delete hold free retry resend settle cleanup
    proxy.accounts   list get add update delete check pause resume
    proxy.tenants    list get add update delete keys add_key ...
    proxy.reports    list replay resume status
    proxy.suppressions  list add remove
    proxy.cache      stats clear
    proxy.command_log   list purge
    proxy.events()  .watch()     what happens, as it happens
    proxy.call("getStats")       any command of the API
    proxy.last_error             all about the last failure

    Lists are tables: .rows  .json()  .save("x.csv")  .more()
    proxy.tenants["acme"], proxy.messages["2026-1182"]: one by its id.
    What deletes asks first; yes=True answers.
    """

    def __init__(self, name: str, control: SyncControl, asker: Asker, look: Look) -> None:
        """name: of the instance, for people. look: for the menus, at once or not at all."""
        super().__init__(asker)
        self._name = name
        self._control = control
        self._asker = asker
        known_messages = KnownKeys(look, "listMessages", "messages", limit=LIMIT, brief=True)
        self.messages: Messages = Messages(asker, known_messages)
        self.accounts: Accounts = Accounts(asker, KnownKeys(look, "listAccounts", "accounts"))
        self.tenants: Tenants = Tenants(asker, KnownKeys(look, "listTenants", "tenants"))
        self.command_log: CommandLog = CommandLog(asker)

    @property
    def last_error(self) -> Record | None:
        """All that is known of the last call that failed."""
        return self._asker.last_error

    @property
    def is_live(self) -> bool:
        """A daemon answered the last call; else nothing is being sent."""
        return self._control.is_live

    def suspend(
        self, tenant_id: str | None = None, batch_code: str | None = None, *, yes: bool = False
    ) -> Record:
        """Stop sending for a tenant, or one batch of it; without a tenant, for all."""
        return self.call("suspend", tenant_id=tenant_id, batch_code=batch_code, yes=yes)

    def events(
        self,
        kinds: Iterable[str] | None = None,
        *,
        tenant_id: str | None = None,
        after: int | None = None,
        **more: Any,
    ) -> Generator[dict[str, Any], None, None]:
        """What happens, as it happens, for a loop: dicts with `kind`, `ts`, `id`, `words`, ...

        kinds: such as `["failed", "paused"]`; None: all. more: `limit`, `for_s`.
        """
        fields = event_fields(kinds, tenant_id=tenant_id, after=after, **more)
        try:
            yield from self._control.stream("streamEvents", **fields)
        except MailProxyError as error:
            if isinstance(error, NotRunning):
                error.hint = error.hint or f"mail-proxy start {self._name}"
            self._asker.last_error = error_record(error, "streamEvents", self._asker.screen)
            raise

    def watch(
        self, kinds: Iterable[str] | None = None, *, tenant_id: str | None = None, **more: Any
    ) -> None:
        """Print what happens until Ctrl-C."""
        try:
            for event in self.events(kinds, tenant_id=tenant_id, **more):
                print(event_line(event), flush=True)
        except KeyboardInterrupt:
            print()

    def __repr__(self) -> str:
        return f"<proxy of {self._name}; help(proxy) tells what it can do>"

    def __pt_repr__(self) -> Fragments:
        return [("", repr(self))]


def event_line(event: dict[str, Any]) -> str:
    """When, what, of whom, and the words for it."""
    parts = [
        local_time(event.get("ts")),
        f"{safe_text(event.get('kind'), 40):<10}",
        safe_text(event.get("tenant_id"), 64),
        safe_text(event.get("id"), 255),
        safe_text(event.get("words"), 500),
    ]
    return "  ".join(part for part in parts if part).rstrip()
