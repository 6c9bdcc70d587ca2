"""`new_tenant()`, `new_account()`, `new_message()`: the guided forms, and what they save."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

from mail_proxy.domain.errors import Invalid
from mail_proxy.forms import checks
from mail_proxy.forms.account import ACCOUNT_FORM
from mail_proxy.forms.fields import Field, Form
from mail_proxy.forms.message import message_form
from mail_proxy.forms.tenant import TENANT_FORM
from mail_proxy.repl import speech
from mail_proxy.repl.asking import Declined
from mail_proxy.repl.proxy import Proxy
from mail_proxy.repl.results import Record


class Guide:
    """The forms, over one proxy. is_possible: somebody sits at this terminal."""

    def __init__(self, proxy: Proxy, *, is_possible: bool) -> None:
        self._proxy = proxy
        self._is_possible = is_possible

    def new_tenant(self) -> Record:
        """Ask for a tenant, and add it."""
        return self._proxy.tenants.add(self._filled(TENANT_FORM), only_new=True)

    def new_account(self, tenant_id: str | None = None) -> Record:
        """Ask for an SMTP account, add it, and offer to test its login."""
        tenant_id = self._tenant(tenant_id)
        request = self._filled(ACCOUNT_FORM)
        added = self._proxy.accounts.add(request, tenant_id=tenant_id, only_new=True)
        if self._offers("Test the login now?"):
            return self._proxy.accounts.check(request["id"], tenant_id)
        return added

    def new_message(self, tenant_id: str | None = None) -> Record:
        """Ask for a message, and queue it."""
        tenant_id = self._tenant(tenant_id)
        accounts = self._proxy.accounts.list(tenant_id).rows
        if not accounts:
            raise Invalid(f"'{tenant_id}' has no account to send through", hint="new_account()")
        accounts.sort(key=lambda account: not account.get("is_default"))
        user = str(accounts[0].get("user") or "")
        form = message_form([str(account["id"]) for account in accounts], user * ("@" in user))
        return self._proxy.messages.add({**self._filled(form), "tenant_id": tenant_id})

    def _tenant(self, given: str | None) -> str:
        """The tenant that is meant: the given one, the only one, or one that is asked for."""
        if given is not None:
            return given
        ids = [str(row["id"]) for row in self._proxy.tenants.list()]
        if not ids:
            raise Invalid("there is no tenant yet", hint="new_tenant()")
        if len(ids) == 1:
            return ids[0]
        if not self._is_possible:
            raise Invalid("there are several tenants: name one", hint="new_account('acme')")
        check = checks.one_of(*ids)
        field = Field("tenant_id", "Tenant", "Whose it is.", check, choices=tuple(ids))
        return str(_not_cancelled(lambda prompting: prompting.ask_one(field)))

    def _filled(self, form: Form) -> dict[str, Any]:
        if not self._is_possible:
            raise Invalid(f"{form.title}: nobody can be asked here; use an add(...) of proxy")
        filled: dict[str, Any] = _not_cancelled(lambda prompting: prompting.fill(form, {}))
        return filled

    def _offers(self, question: str) -> bool:
        return self._is_possible and speech.confirm(question, enter=True)


def _not_cancelled(ask: Callable[[ModuleType], Any]) -> Any:
    """What the forms answer. Raises Declined."""
    from mail_proxy.forms import prompting  # prompt-toolkit: scripts need none

    try:
        return ask(prompting)
    except prompting.FormCancelled as error:
        raise Declined("cancelled, nothing was saved") from error
