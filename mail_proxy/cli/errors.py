"""Ways for a command to end that only the terminal knows."""

from __future__ import annotations

from mail_proxy.cli.exit_codes import ExitCode


class CommandFailed(Exception):
    """The command ends here, with a sentence, what to do next, and an exit code.

    tries: commands. advice: what is no command, in words.
    """

    def __init__(
        self,
        message: str,
        *,
        tries: tuple[str, ...] = (),
        code: ExitCode = ExitCode.FAILED,
        advice: str = "",
    ) -> None:
        super().__init__(message)
        self.tries = tries
        self.code = code
        self.advice = advice


class InputNeeded(CommandFailed):
    """Something must be asked and nobody is there to answer; the message names the option."""

    def __init__(self, message: str, *, tries: tuple[str, ...] = ()) -> None:
        super().__init__(message, tries=tries, code=ExitCode.USAGE)


class Cancelled(Exception):
    """The person at the prompt said no, or pressed Ctrl-C there."""


class OutputFailed(CommandFailed):
    """What we say cannot be written, as on a full disk."""


class OutputClosed(Exception):
    """Whoever read our output has gone (`... | head`)."""
