"""The nouns of `proxy`: those of the clients, which here are mappings by id too.

`proxy.tenants["acme"]` is `proxy.tenants.get("acme")`. What does damage takes `yes=True`.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn, TypeAlias

from mail_proxy.client import verbs
from mail_proxy.domain.errors import Invalid, NotFound
from mail_proxy.repl.drawn import Fragments
from mail_proxy.repl.ids import Ids
from mail_proxy.repl.keys import KnownKeys, is_asked_by_menu
from mail_proxy.repl.near_miss import path_of
from mail_proxy.repl.results import Record, Table

Key: TypeAlias = str | tuple[str, str]  # an id; or a tenant and an id


class ById(verbs.Noun[Record, Table]):
    """A mapping from ids to records: those that the daemon has when it is asked.

    The menu of the Tab key looks from a thread of its own: it gets what is known, at once.
    """

    def __init__(self, ask: verbs.Ask, known: KnownKeys) -> None:
        super().__init__(ask)
        self._known = known
        # While it lives and nothing was taken, `len` is a part of `list`, and asks nothing more.
        self._begun: weakref.ref[Ids] | None = None

    def _all(self) -> Table:
        raise NotImplementedError

    def _one(self, id_: str, tenant_id: str | None) -> Record:
        raise NotImplementedError

    def __call__(self, *_: object, **__: object) -> NoReturn:
        """No function: says what was meant."""
        path = path_of(self)
        raise Invalid(f"{path} is no function", hint=f'{path}["ID"], or {path}.list()')

    def __pt_repr__(self) -> Fragments:
        """At the prompt its name alone shows its list."""
        return self._all().__pt_repr__()

    def __iter__(self) -> Iterator[str]:
        if is_asked_by_menu():
            return iter(self._known.rows())
        ids = Ids(self._all())
        self._begun = weakref.ref(ids)
        return ids

    def __len__(self) -> int:
        if is_asked_by_menu():
            return len(self._known.rows())
        begun = self._begun() if self._begun else None
        if begun is None or begun.has_gone:
            begun = Ids(self._all())
        return begun.number()

    def __bool__(self) -> bool:
        """Without it, `if` would count them all."""
        return next(iter(self), None) is not None

    def __getitem__(self, key: Key) -> Mapping[str, Any]:
        tenant_id, id_ = (None, key) if isinstance(key, str) else key
        if is_asked_by_menu():
            return self._known.rows()[id_]
        return self._one(id_, tenant_id)

    def __contains__(self, key: object) -> bool:
        if not isinstance(key, str | tuple):
            return False
        try:
            self[key]
        except (NotFound, KeyError):
            return False
        return True


def known_ids(noun: ById) -> list[str]:
    """For a menu: what is known of a moment ago, at once."""
    return [*noun._known.rows()]


# Not a base class: `get` of a noun is the wire's, which takes a tenant and no default.
Mapping.register(ById)


class Messages(ById, verbs.Messages[Record, Table]):
    """The queue. `proxy.messages["ID"]`, or `proxy.messages["TENANT", "ID"]`, is one of it.

    A list shows a hundred and brings the others when they are asked for: `_.more()`.
    """

    def _all(self) -> Table:
        return self.list()

    def _one(self, id_: str, tenant_id: str | None) -> Record:
        return self.get(id_, tenant_id)

    def cleanup(
        self,
        older_than_seconds: float | None = None,
        tenant_id: str | None = None,
        *,
        yes: bool = False,
    ) -> Record:
        """Remove reported messages; without an age, those older than the retention."""
        extra = {} if older_than_seconds is None else {"older_than_seconds": older_than_seconds}
        return self._answer("cleanupMessages", tenant_id=tenant_id, yes=yes, **extra)


class Accounts(ById, verbs.Accounts[Record, Table]):
    """SMTP accounts. `proxy.accounts["ID"]`, or `proxy.accounts["TENANT", "ID"]`, is one."""

    def _all(self) -> Table:
        return self.list()

    def _one(self, id_: str, tenant_id: str | None) -> Record:
        return self.get(id_, tenant_id)

    def delete(self, account_id: str, tenant_id: str | None = None, *, yes: bool = False) -> Record:
        return self._answer("deleteAccount", account_id=account_id, tenant_id=tenant_id, yes=yes)


class Tenants(ById, verbs.Tenants[Record, Table]):
    """Tenants; for the admin. `proxy.tenants["ID"]` is one."""

    def _all(self) -> Table:
        return self.list()

    def _one(self, id_: str, tenant_id: str | None) -> Record:
        return self.get(id_ if tenant_id is None else tenant_id)

    def delete(self, tenant_id: str, *, yes: bool = False) -> Record:
        """The tenant with its accounts and messages."""
        return self._answer("deleteTenant", tenant_id=tenant_id, yes=yes)

    def delete_key(self, tenant_id: str, key_id: str, *, yes: bool = False) -> Record:
        """This key ends at once."""
        return self._answer("deleteTenantKey", tenant_id=tenant_id, key_id=key_id, yes=yes)

    def delete_webhook_secret(self, tenant_id: str, *, yes: bool = False) -> Record:
        """Its reports are not signed any more."""
        return self._answer("deleteWebhookSecret", tenant_id=tenant_id, yes=yes)


class CommandLog(verbs.CommandLog[Record, Table]):
    """Who changed what; for the admin."""

    def purge(self, before_ts: float, *, yes: bool = False) -> Record:
        """Forget what is older: seconds since the epoch."""
        return self._answer("purgeCommands", before_ts=before_ts, yes=yes)
