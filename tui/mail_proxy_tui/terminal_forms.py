"""The forms of a new tenant and a new account, on the terminal that the dashboard lends them.

They are those of the command line and the REPL. The terminal is theirs alone meanwhile: nothing of
the dashboard runs until they are done.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from mail_proxy.forms.account import ACCOUNT_FORM
from mail_proxy.forms.fields import Form
from mail_proxy.forms.tenant import TENANT_FORM

__all__ = ["ACCOUNT_FORM", "TENANT_FORM", "filled"]


def filled(form: Form, given: Mapping[str, Any]) -> dict[str, Any] | None:
    """The request of the filled form; None where the person left it. Blocks.

    given: answers that are known already.
    """
    # Each question runs an event loop of its own, which this thread has one of already.
    with ThreadPoolExecutor(1, "form") as pool:
        return pool.submit(_ask, form, given).result()


def _ask(form: Form, given: Mapping[str, Any]) -> dict[str, Any] | None:
    # Here: half of a second's start that most never need.
    from mail_proxy.forms.prompting import FormCancelled, fill

    try:
        return fill(form, dict(given))
    except FormCancelled:
        return None
