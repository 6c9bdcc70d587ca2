"""What a line named and is not there: which word it was, and which near one may be meant.

Only lines that failed come here, so it may cost a call.
"""

from __future__ import annotations

from mail_proxy.cli.errors import CommandFailed
from mail_proxy.cli.exit_codes import ExitCode
from mail_proxy.cli.grammar import UnknownWord
from mail_proxy.cli.here import Here
from mail_proxy.cli.tree import BEFORE_NAME, INSTANCE_WORDS, ROOT_WORDS, TENANT_WORDS
from mail_proxy.control.base import SyncControl
from mail_proxy.domain.command_line import command_line
from mail_proxy.domain.errors import Invalid, MailProxyError, NotFound, Unauthorized
from mail_proxy.domain.safe_text import safe_text
from mail_proxy.domain.suggest import did_you_mean


def unknown_word(error: UnknownWord, here: Here) -> CommandFailed:
    """A word that is no command, or stands after a name that is nobody's."""
    help_ = (f"{error.path} --help",)
    if error.kind == "tenant" and (turned := _before_its_name(error.name, here)) is not None:
        return turned
    guess = _meant_as_command(error, here)
    if guess:
        message = f"no command '{safe_text(error.name, 80)}'.{guess}"
        above = error.path.rpartition(" ")[0] or "mail-proxy"  # without the word that is none
        return CommandFailed(message, tries=(f"{above} --help",), code=ExitCode.USAGE)
    if (forgotten := _without_tenant(error, here)) is not None:
        return forgotten
    instance = here.instance_name or (error.name if error.kind == "instance" else "")
    if instance and instance not in here.instance_names():
        return here.no_instance(instance)
    if error.kind == "tenant" and error.word in INSTANCE_WORDS:
        return CommandFailed(
            f"'{error.word}' comes after the name of an instance",
            tries=(command_line(instance, error.word),),
            code=ExitCode.USAGE,
        )
    known = [*error.commands, *(() if instance else here.instance_names())]
    guess = did_you_mean(error.word, known)
    if not guess and error.path == "mail-proxy":
        guess = " No instance can have this name: use a-z, 0-9 and '-', as in my-server"
    message = f"no command '{safe_text(error.word, 80)}'.{guess}"
    return CommandFailed(message, tries=help_, code=ExitCode.USAGE)


def _before_its_name(word: str, here: Here) -> CommandFailed | None:
    """`NAME stop`: a command that has the name behind it was taken for a tenant."""
    if word not in ROOT_WORDS or here.is_explicit:
        return None
    name = here.instance_name
    if name not in here.instance_names():
        return None
    try:
        if word in _tenant_ids(here):
            return None
    except (MailProxyError, CommandFailed, KeyError, OSError):
        pass  # which tenants there are is not known: a command is likelier
    if word in BEFORE_NAME:
        why, tries = "comes before the name of an instance", command_line(word, name)
    else:
        why, tries = "comes without the name of an instance", command_line(word, "--help")
    return CommandFailed(f"'{word}' {why}", tries=(tries,), code=ExitCode.USAGE)


def _without_tenant(error: UnknownWord, here: Here) -> CommandFailed | None:
    """`NAME messages list`: the noun was taken for a tenant, as none was named."""
    if error.kind != "tenant" or error.name not in TENANT_WORDS or here.is_explicit:
        return None
    if here.instance_name not in here.instance_names():
        return None
    try:
        ids = _tenant_ids(here)
    except (MailProxyError, CommandFailed, KeyError, OSError):
        ids = []
    if error.name in ids:
        return None
    tenant = ids[0] if len(ids) == 1 else "TENANT"
    return CommandFailed(
        f"'{error.name}' comes after the id of a tenant",
        tries=(command_line(here.instance_name, tenant, error.name, error.word),),
        code=ExitCode.USAGE,
    )


def _meant_as_command(error: UnknownWord, here: Here) -> str:
    """The word before was taken for a name; it may have been meant as a command."""
    taken = {"tenant": INSTANCE_WORDS, "instance": ROOT_WORDS}.get(error.kind, ())
    guess = "" if here.is_explicit else did_you_mean(error.name, taken)
    if guess and error.kind == "tenant":
        if here.instance_name not in here.instance_names():
            return ""
        try:
            return "" if error.name in _tenant_ids(here) else guess
        except (MailProxyError, CommandFailed, KeyError, OSError):
            return guess
    return guess


def what_is_missing(error: CommandFailed | MailProxyError, here: Here) -> CommandFailed | None:
    """The tenant or the account of the line, when the error comes from its absence."""
    may_be = isinstance(error, NotFound | Unauthorized | Invalid) or (
        isinstance(error, CommandFailed) and error.code is ExitCode.NOT_FOUND
    )
    if not may_be or not here.tenant_id:
        return None
    try:
        return _missing_tenant(here) or (
            _named_account(here) if isinstance(error, NotFound) else None
        )
    except (MailProxyError, CommandFailed, KeyError, OSError):
        return None  # the first error is the one to tell


def _missing_tenant(here: Here) -> CommandFailed | None:
    ids = _tenant_ids(here)
    if here.tenant_id in ids:
        return None
    if here.tenant_id in TENANT_WORDS and not here.is_explicit:
        return CommandFailed(
            f"'{here.tenant_id}' comes after the id of a tenant",
            tries=(command_line(here.instance_name, "TENANT", here.tenant_id),),
            code=ExitCode.USAGE,
        )
    if (turned := _before_its_name(here.tenant_id, here)) is not None:
        return turned
    words = [] if here.is_explicit else [w for w in INSTANCE_WORDS if w not in ROOT_WORDS]
    guess = did_you_mean(here.tenant_id, [*ids, *words])
    return CommandFailed(
        f"tenant '{here.tenant_id}' does not exist on '{here.instance_name}'.{guess}",
        tries=(command_line(here.instance_name, "tenants", "list"),),
        code=ExitCode.NOT_FOUND,
    )


def _named_account(here: Here) -> CommandFailed | None:
    with here.control() as control:
        return missing_account(here, control, here.account_id)


def missing_account(here: Here, control: SyncControl, account_id: str) -> CommandFailed | None:
    """Why there is no such account of this tenant; None when there is one, or none was named."""
    if not account_id:
        return None
    told = control.call("listAccounts", tenant_id=here.tenant_id)["accounts"]
    ids = [str(account.get("id")) for account in told]
    if account_id in ids:
        return None
    shown = safe_text(account_id, 80)
    guess = did_you_mean(account_id, ids)
    return CommandFailed(
        f"account '{shown}' does not exist for tenant '{here.tenant_id}'.{guess}",
        tries=(f"{here.path} accounts {'list' if ids else 'add'}",),
        code=ExitCode.NOT_FOUND,
    )


def _tenant_ids(here: Here) -> list[str]:
    return [str(tenant.get("id")) for tenant in here.call("listTenants")["tenants"]]
