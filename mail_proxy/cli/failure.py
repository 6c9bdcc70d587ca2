"""How a command that failed speaks, and what it exits with.

`error: WHAT. WHY.`, then `  try: COMMAND`. No traceback without --debug: an error that nobody
foresaw goes to a file that only its owner can read.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from mail_proxy.cli._typer import ClickException, NoSuchOption, UsageError
from mail_proxy.cli.colour import RED, paint
from mail_proxy.cli.errors import Cancelled, CommandFailed
from mail_proxy.cli.exit_codes import ExitCode, exit_code_of
from mail_proxy.cli.grammar import UnknownWord
from mail_proxy.cli.here import Here
from mail_proxy.cli.tree import INSTANCE_WORDS, ROOT_WORDS, TENANT_WORDS
from mail_proxy.domain.errors import Invalid, MailProxyError, NotFound, Unauthorized
from mail_proxy.domain.safe_text import safe_text

_TEXT_LIMIT = 1000


def report(error: BaseException, here: Here, argv: Sequence[str]) -> int:
    """Tell the person what went wrong; the exit code. Raises what is no failure of a command."""
    if here.options.debug:
        _print_traceback(error, here)
    match error:
        case Cancelled():
            here.writer.complain("Cancelled, nothing was changed.")
            return ExitCode.INTERRUPTED
        case KeyboardInterrupt():
            here.writer.complain("\nInterrupted.")
            return ExitCode.INTERRUPTED
        case CommandFailed():
            tell(here, str(error), error.tries)
            return error.code
        case UnknownWord():
            return _report_word(error, here)
        case ClickException():
            return _report_usage(error, here)
        case MailProxyError():
            return _report_known(error, here)
        case OSError():
            what = error.strerror or type(error).__name__
            name = f" {safe_text(error.filename, 200)}" if error.filename else ""
            tell(here, f"cannot use{name or ' a file'}: {what.lower()}")
            return exit_code_of(error)
        case Exception():
            return _report_unforeseen(error, here, argv)
    raise error


def tell(here: Here, message: str, tries: Sequence[str] = ()) -> None:
    """`error: MESSAGE` and its `  try:` lines."""
    label = paint("error", RED, coloured=here.writer.err_coloured)
    here.writer.complain(f"{label}: {safe_text(message, _TEXT_LIMIT)}")
    for command in tries:
        here.writer.complain(f"  try: {safe_text(command, _TEXT_LIMIT)}")


def _report_word(error: UnknownWord, here: Here) -> int:
    from mail_proxy.cli.suggest import did_you_mean

    help_ = (f"{error.path} --help",)
    # The word before was taken for a name; it may have been meant as a command.
    taken = {"tenant": INSTANCE_WORDS, "instance": ROOT_WORDS}.get(error.kind, ())
    guess = "" if here.is_explicit else did_you_mean(error.name, taken)
    if guess:
        tell(here, f"no command '{safe_text(error.name, 80)}'.{guess}", help_)
        return ExitCode.USAGE
    known = [*error.commands, *(() if here.instance_name else here.instance_names())]
    word = safe_text(error.word, 80)
    tell(here, f"no command '{word}'.{did_you_mean(error.word, known)}", help_)
    return ExitCode.USAGE


def _report_usage(error: ClickException, here: Here) -> int:
    message = error.format_message()
    if isinstance(error, NoSuchOption):
        message = f"no such option: {error.option_name}."
        if error.possibilities:
            message += f" Did you mean {' or '.join(sorted(error.possibilities))}?"
    context = error.ctx if isinstance(error, UsageError) else None
    path = context.command_path if context else "mail-proxy"
    tell(here, message[:1].lower() + message[1:], (f"{path} --help",))
    return ExitCode.USAGE


def _report_known(error: MailProxyError, here: Here) -> int:
    if here.tenant_id and isinstance(error, NotFound | Unauthorized | Invalid):
        missing = _missing_tenant(here)
        if missing and here.tenant_id in TENANT_WORDS and not here.is_explicit:
            tries = (f"mail-proxy {here.instance_name} TENANT {here.tenant_id}",)
            tell(here, f"'{here.tenant_id}' comes after the id of a tenant", tries)
            return ExitCode.USAGE
        if missing:
            tell(here, missing, (f"mail-proxy {here.instance_name} tenants list",))
            return ExitCode.NOT_FOUND
    tell(here, str(error), (error.hint,) if error.hint else ())
    return exit_code_of(error)


def _missing_tenant(here: Here) -> str:
    """Why there is no such tenant, or nothing when there is one, or when it cannot be asked."""
    from mail_proxy.cli.suggest import did_you_mean

    try:
        found = here.call("listTenants")["tenants"]
    except (MailProxyError, CommandFailed, KeyError, OSError):
        return ""  # the first error is the one to tell
    ids = [str(tenant.get("id")) for tenant in found]
    if here.tenant_id in ids:
        return ""
    words = [] if here.is_explicit else [w for w in INSTANCE_WORDS if w not in ROOT_WORDS]
    guess = did_you_mean(here.tenant_id, [*ids, *words])
    return f"tenant '{here.tenant_id}' does not exist on '{here.instance_name}'.{guess}"


def _report_unforeseen(error: Exception, here: Here, argv: Sequence[str]) -> int:
    what = f"internal error {type(error).__name__}"
    words = [word for word in argv if not word.startswith("-")][:4]
    path = _write_crash_file(error, here, argv)
    where = f" in '{' '.join(words)}'" if words else ""
    label = paint("error", RED, coloured=here.writer.err_coloured)
    if path is None:
        here.writer.complain(f"{label}: {what}{where}. No file could be written; see --debug")
    else:
        here.writer.complain(f"{label}: {what}{where}. Details are in the file named below.")
        here.writer.complain(f"  file: {path}")
    return ExitCode.FAILED


def _write_crash_file(error: Exception, here: Here, argv: Sequence[str]) -> Path | None:
    """The traceback, without the values of variables, 0600; None when no place would have it."""
    import tempfile

    name = time.strftime("crash-%Y%m%d-%H%M%S.txt", time.gmtime())
    places = [here.root / here.instance_name, here.root, Path(tempfile.gettempdir())]
    for folder in (place for place in places if place.is_dir()):
        path = folder / f"{name.removesuffix('.txt')}-{os.getpid()}.txt"
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
            with os.fdopen(os.open(path, flags, 0o600), "w", errors="backslashreplace") as file:
                file.write(_crash_text(error, argv))
        except OSError:
            continue  # the next place
        return path
    return None


def _crash_text(error: Exception, argv: Sequence[str]) -> str:
    import traceback

    from mail_proxy import __version__

    line = " ".join(without_secrets(argv))
    trace = "".join(traceback.format_exception(error))
    return f"mail-proxy {__version__}, Python {sys.version}\n{line}\n\n{trace}"


def without_secrets(argv: Sequence[str]) -> list[str]:
    """The words of a line, values of options that take secrets replaced."""
    shown: list[str] = []
    hide_next = False
    for word in argv:
        name, has_value, _ = word.partition("=")
        is_secret = name in _SECRET_OPTIONS
        shown.append(
            "********" if hide_next else f"{name}=********" if is_secret and has_value else word
        )
        hide_next = is_secret and not has_value
    return shown


_SECRET_OPTIONS = frozenset({"--password", "--auth-token", "--auth-password", "--token"})


def _print_traceback(error: BaseException, here: Here) -> None:
    import traceback

    here.writer.complain("".join(traceback.format_exception(error)).rstrip())
