"""From the options of `accounts add` and `update` to the account that is stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import typer

from mail_proxy.cli import oauth2_options
from mail_proxy.cli.errors import CommandFailed, InputNeeded
from mail_proxy.cli.exit_codes import ExitCode
from mail_proxy.cli.forms import ask_form, checked
from mail_proxy.cli.here import Here, here
from mail_proxy.cli.passwords import PasswordOptions, find_password
from mail_proxy.domain.command_line import by_id, option
from mail_proxy.domain.errors import Conflict, NotFound
from mail_proxy.domain.safe_text import safe_text
from mail_proxy.forms.account import ACCOUNT_FORM
from mail_proxy.forms.checks import waits
from mail_proxy.forms.fields import BadAnswer
from mail_proxy.forms.oauth2 import uses_oauth2

# What a field without a value is on the wire, where null means that it is not given.
_EMPTY = {"user": "", "max_age": 0}


def remember(ctx: typer.Context, account_id: str) -> str:
    """Failures name it, and the near ones, when it is not there."""
    here(ctx).account_id = account_id
    return account_id


def tls_mode(
    mode: str | None, *, port: int | None, tls: bool | None, use_tls: bool, use_ssl: bool
) -> str | None:
    """The one mode that the options mean, None for none. Raises CommandFailed when they differ."""
    if tls is False and (use_tls or use_ssl):
        raise CommandFailed("--no-tls contradicts --use-tls and --use-ssl", code=ExitCode.USAGE)
    meant = _meant(port, tls=tls, use_tls=use_tls, use_ssl=use_ssl)
    if mode is None or meant is None:
        return mode or meant
    is_other = use_ssl and mode != "ssl"
    if is_other or (mode == "none") != (meant == "none"):
        said = "--no-tls" if tls is False else "--use-ssl" if use_ssl else "--tls"
        raise CommandFailed(f"--tls-mode {mode} contradicts {said}", code=ExitCode.USAGE)
    return mode


def _meant(port: int | None, *, tls: bool | None, use_tls: bool, use_ssl: bool) -> str | None:
    if use_ssl:
        return "ssl"
    if use_tls or tls:
        return "ssl" if port == 465 else "starttls"
    return "none" if tls is False else None


def requested(found: Here, old: Mapping[str, Any], answers: Mapping[str, Any]) -> dict[str, Any]:
    """The fields to change. A password or a secret that the change needs is asked for."""
    given = {n: _EMPTY.get(n) if v is None else v for n, v in answers.items() if n != "id"}
    if "auth_method" in given:
        given = oauth2_options.completed(found, given, old.get("oauth2") or {})
    user = given.get("user", old.get("user"))
    logs_in = given.get("auth_method", old.get("auth_method")) != "oauth2" and user
    is_new = "user" in given or "auth_method" in given
    if logs_in and is_new and "password" not in given and not old.get("has_password"):
        given["password"] = found.prompts.password(f"Password of {user}")
    return given


def changes_of(request: Mapping[str, Any], old: Mapping[str, Any]) -> list[str]:
    """Names of the fields that a request changes; of a password nobody sees whether it does."""
    same = {name for name in request if (request[name] or None) == (old.get(name) or None)}
    return sorted(request.keys() - (same - {"password"}))


def need_something(found: Here, answers: Mapping[str, Any]) -> None:
    """Raises InputNeeded for a change without a change."""
    if not answers:
        raise InputNeeded(
            "nothing to change was given", tries=(found.line("accounts", "update", "--help"),)
        )


def checked_answers(given: Mapping[str, Any]) -> dict[str, Any]:
    """Options as answers of the form. Raises CommandFailed naming the bad one."""
    return checked(ACCOUNT_FORM, given, _OPTIONS)


_OPTIONS = {
    "id": "ID",
    "host": "--host",
    "user": "--user",
    "tls_mode": "--tls-mode",
    "auth_method": "--auth-method",
    "oauth2_provider": "--oauth2-provider",
    "oauth2_token_url": "--oauth2-token-url",
    "oauth2_client_id": "--oauth2-client-id",
    "password": "the password",
    "max_age": "--max-age",
}


def retry_delays(text: str | None) -> list[float] | None:
    """The waits of --retry-delays; [] takes them away. Raises CommandFailed."""
    if text is None:
        return None
    try:
        return waits(text) or []
    except BadAnswer as error:
        raise CommandFailed(f"--retry-delays: {error}", code=ExitCode.USAGE) from error


def read_password(
    found: Here,
    file: str | None,
    value: str | None,
    *,
    from_stdin: bool,
    environ: Mapping[str, str] | None = None,
) -> str | None:
    return find_password(
        PasswordOptions(file, from_stdin, value),
        stdin=found.stdin,
        environ=found.environ if environ is None else environ,
        warn=found.writer.warn,
    )


def completed(found: Here, answers: dict[str, Any]) -> dict[str, Any]:
    """The request: by the form when the id or the host is missing, else with a password asked."""
    if "id" not in answers or "host" not in answers:
        return ask_form(
            found, ACCOUNT_FORM, answers, needed="the id and --host: accounts add ID --host HOST"
        )
    answers.setdefault("port", 587)
    if uses_oauth2(answers):
        return oauth2_options.completed(found, answers, {})
    if answers.get("user") and "password" not in answers:
        answers["password"] = found.prompts.password(f"Password of {answers['user']}")
    return ACCOUNT_FORM.request(answers)


def save_new(found: Here, tenant_id: str, request: dict[str, Any]) -> None:
    account_id = str(request["id"])
    try:
        found.call("addAccount", tenant_id=tenant_id, only_new=True, **request)
    except Conflict as error:
        raise CommandFailed(
            str(error),
            tries=(found.line("accounts", "update", *by_id(account_id, "--help")),),
            code=ExitCode.CONFLICT,
        ) from error
    text = account_id if found.options.quiet else f"Added account '{account_id}'"
    found.writer.done({"id": account_id, "tenant_id": tenant_id}, text)
    send = found.line("send", "--to", "you@example.com", *option("--account", account_id))
    found.writer.hint(
        f"Does it work?  {found.line('accounts', 'check', *by_id(account_id))}\n"
        f"Send a mail:   {send}"
    )


def change(found: Here, tenant_id: str, old: dict[str, Any], answers: dict[str, Any]) -> None:
    account_id = str(old["id"])
    shown = safe_text(account_id, 80)
    request = requested(found, old, answers)
    found.call("updateAccount", tenant_id=tenant_id, account_id=account_id, **request)
    changed = changes_of(request, old)
    what = ", ".join(changed) or "nothing that was not so before"
    record = {"id": account_id, "tenant_id": tenant_id, "changed": changed}
    found.writer.done(record, f"Changed account '{shown}': {what}")
    found.writer.hint(f"Does it work?  {found.line('accounts', 'check', *by_id(account_id))}")


def find(found: Here, tenant_id: str, account_id: str) -> dict[str, Any] | None:
    with found.control() as control:
        # An absent tenant is another error than an absent account.
        control.call("getTenant", tenant_id=tenant_id)
        try:
            told = control.call("getAccount", tenant_id=tenant_id, account_id=account_id)
        except NotFound:
            return None
        return dict(told["account"])


def existing(found: Here, tenant_id: str, account_id: str) -> dict[str, Any]:
    told = found.call("getAccount", tenant_id=tenant_id, account_id=account_id)
    return dict(told["account"])
