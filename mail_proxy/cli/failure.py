"""How a command that failed speaks, and what it exits with.

`error: WHAT. WHY.`, then `  try: COMMAND`; with --json the same as a document on stdout. No
traceback without --debug: an error that nobody foresaw goes to a file that only its owner can read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mail_proxy.cli._typer import ClickException, UsageError
from mail_proxy.cli.colour import RED
from mail_proxy.cli.errors import Cancelled, CommandFailed
from mail_proxy.cli.exit_codes import ExitCode, exit_code_of
from mail_proxy.cli.grammar import UnknownWord
from mail_proxy.cli.here import Here
from mail_proxy.domain.command_line import shell_line
from mail_proxy.domain.errors import ForeignDatabase, Invalid, MailProxyError
from mail_proxy.domain.safe_text import safe_text

_TEXT_LIMIT = 1000
_PROGRAMS = frozenset({"mail-proxy", "ls", "chmod", "unset", "curl"})  # what hints begin with


@dataclass(frozen=True, slots=True)
class Failure:
    """What is told of an error.

    code: one word for programs. tries: commands to run next. advice: what else to do, in words.
    """

    message: str
    exit_code: ExitCode
    code: str = ""
    tries: Sequence[str] = ()
    advice: str = ""
    field: str | None = None

    @classmethod
    def of(cls, error: CommandFailed) -> Failure:
        return cls(str(error), error.code, tries=error.tries, advice=error.advice)

    def record(self) -> dict[str, Any]:
        hint = "\n".join(self.tries) or self.advice
        return {
            "error": self.message.strip(),
            "code": self.code or self.exit_code.name.lower(),
            **({"field": self.field} if self.field else {}),
            **({"hint": hint} if hint else {}),
            "exit_code": int(self.exit_code),
        }


def report(error: BaseException, here: Here, argv: Sequence[str]) -> int:
    """Tell the person what went wrong; the exit code. Raises what is no failure of a command."""
    if here.options.debug:
        _print_traceback(error, here)
    match error:
        case Cancelled():
            failure = Failure("Cancelled, nothing was changed.", ExitCode.INTERRUPTED)
            here.writer.complain(failure.message)
        case KeyboardInterrupt():
            failure = Failure("\nInterrupted.", ExitCode.INTERRUPTED)
            here.writer.complain(failure.message)
        case Exception():
            failure = _failure(error, here, argv)
            tell(here, failure.message, failure.tries, failure.advice)
        case _:
            raise error
    here.writer.failed(failure.record())
    return failure.exit_code


def tell(here: Here, message: str, tries: Sequence[str] = (), advice: str = "") -> None:
    """`error: MESSAGE`, its `  try:` lines, and what to do that is no command."""
    here.writer.complain_of("error", safe_text(message, _TEXT_LIMIT), RED)
    for command in tries:
        here.writer.complain(f"  try: {safe_text(command, _TEXT_LIMIT)}")
    if advice:
        here.writer.complain(f"  {safe_text(advice, _TEXT_LIMIT)}")


def _failure(error: Exception, here: Here, argv: Sequence[str]) -> Failure:
    match error:
        case UnknownWord():
            from mail_proxy.cli.absent import unknown_word

            return Failure.of(unknown_word(error, here))
        case ClickException():
            return _usage(error)
        case CommandFailed() | MailProxyError():
            from mail_proxy.cli.absent import what_is_missing

            missing = what_is_missing(error, here)
            if missing is not None:
                return Failure.of(missing)
            return Failure.of(error) if isinstance(error, CommandFailed) else _known(error)
        case OSError():
            return _of_the_machine(error)
        case _:
            return _unforeseen(error, here, argv)


def _usage(error: ClickException) -> Failure:
    from mail_proxy.cli.usage import in_words, where_it_is_found

    context = error.ctx if isinstance(error, UsageError) else None
    path = context.command_path if context else "mail-proxy"
    tries = (*where_it_is_found(error), f"{path} --help")
    return Failure(in_words(error), ExitCode.USAGE, tries=tries)


def _known(error: MailProxyError) -> Failure:
    hint = error.hint or ""
    if not hint and isinstance(error, ForeignDatabase):
        hint = "move that file away, or name another one with GMP_DB_PATH"
    cause = error.__cause__
    if not hint and isinstance(cause, PermissionError) and cause.filename:
        hint = shell_line("ls", "-ld", cause.filename)
    field = error.field if isinstance(error, Invalid) else None
    if not hint and field == "filter":
        hint = "mail-proxy help filters"
    is_command = hint.split(" ", 1)[0] in _PROGRAMS and ", " not in hint
    return Failure(
        str(error),
        exit_code_of(error),
        error.code,
        tries=(hint,) if is_command else (),
        advice="" if is_command else hint,
        field=field,
    )


def _of_the_machine(error: OSError) -> Failure:
    what = (error.strerror or type(error).__name__).lower()
    name = safe_text(error.filename, 200) if error.filename else ""
    is_refused = error.filename and isinstance(error, PermissionError)
    tries = (shell_line("ls", "-ld", error.filename),) if is_refused else ()
    return Failure(f"cannot use {name or 'a file'}: {what}", exit_code_of(error), tries=tries)


def _unforeseen(error: Exception, here: Here, argv: Sequence[str]) -> Failure:
    from mail_proxy.cli.crash import write_crash_file

    words = [word for word in argv if not word.startswith("-")][:4]
    where = f" in '{' '.join(words)}'" if words else ""
    what = f"internal error {type(error).__name__}{where}"
    path = write_crash_file(error, argv, [here.root / here.instance_name, here.root])
    if path is None:
        return Failure(f"{what}. No file could be written; see --debug", ExitCode.FAILED)
    told = f"{what}. Details are in the file named below."
    return Failure(told, ExitCode.FAILED, "internal", advice=f"file: {path}")


def _print_traceback(error: BaseException, here: Here) -> None:
    import traceback

    here.writer.complain("".join(traceback.format_exception(error)).rstrip())
