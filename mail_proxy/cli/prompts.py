"""Questions: asked only where somebody can answer, weighed by the damage that a yes can do.

Mild actions ask nothing. Moderate ones ask `[y/N]` or take --yes. Severe ones want the name typed,
or --confirm NAME. Questions go to stderr, so that data on stdout stays data.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TextIO

from mail_proxy.cli.errors import Cancelled, InputNeeded
from mail_proxy.cli.globals import GlobalOptions
from mail_proxy.domain.safe_text import safe_page, safe_text
from mail_proxy.forms import yes_or_no
from mail_proxy.forms.questions import question_before


class Prompter:
    """Asks on a terminal, or says which option would have answered."""

    def __init__(
        self, options: GlobalOptions, stdin: TextIO, stderr: TextIO, environ: Mapping[str, str]
    ) -> None:
        self._options = options
        self._stdin = stdin
        self._stderr = stderr
        self._environ = environ

    @property
    def is_possible(self) -> bool:
        """Somebody sits there: stdin and stderr are terminals, and asking is not forbidden."""
        if self._options.no_input or self._environ.get("MAIL_PROXY_NO_INPUT"):
            return False
        return self._stdin.isatty() and self._stderr.isatty()

    def confirm(self, question: str, *, given: bool = False, option: str = "--yes") -> None:
        """Moderate: returns on yes. Raises Cancelled on no, InputNeeded without a terminal."""
        if given or self._options.yes:
            return
        self._need_terminal(question, option)
        if not yes_or_no.ask(question, self._ask, self._say):
            raise Cancelled

    def confirm_command(
        self, command: str, /, *, instance: str | None = None, given: bool = False, **fields: Any
    ) -> None:
        """Moderate: what is always asked before this command of the API, as `confirm` does.

        instance: its name, where the question has to tell it.
        """
        question = question_before(command, fields, instance=instance)
        if question is not None:
            self.confirm(question, given=given)

    def confirm_name(
        self, question: str, name: str, *, confirmed: str | None, forced: bool
    ) -> None:
        """Severe: returns when the name was typed, or given by --confirm, or --force.

        --yes is not enough: it is typed too easily. Raises as `confirm` does.
        """
        if forced or confirmed == name:
            return
        shown = safe_text(name, 255)
        if confirmed is not None:
            raise InputNeeded(f"--confirm '{safe_text(confirmed, 80)}' is not '{shown}'")
        self._need_terminal(question, f"--confirm {shown}")
        if self._ask(f"{question}\nType '{shown}' to go on: ") != name:
            raise Cancelled

    def offer(self, question: str) -> bool:
        """Something kind that is asked only of a person who is there; Enter is yes."""
        if not self.is_possible:
            return False
        return self._options.yes or yes_or_no.ask(question, self._ask, self._say, enter=True)

    def text(self, label: str, option: str, *, may_be_empty: bool = False) -> str:
        """A line. Raises InputNeeded, naming the option, without a terminal; Cancelled on none."""
        self._need_terminal(f"{label} is needed", option)
        while not (answer := self._ask(f"{label}: ")) and not may_be_empty:
            pass  # asked again
        return answer

    def password(self, label: str, option: str = "--password-file, or --password-stdin") -> str:
        """A secret without echo; InputNeeded names the ways around the question."""
        self._need_terminal(f"{label} is needed", option)
        import getpass

        try:
            return getpass.getpass(safe_page(f"{label}: "), stream=self._stderr)
        except (EOFError, KeyboardInterrupt) as error:
            self._end_line()
            raise Cancelled from error

    def _need_terminal(self, question: str, option: str) -> None:
        if not self.is_possible:
            what = question.splitlines()[0].rstrip("?. ")
            raise InputNeeded(f"{what}: nobody can be asked here. Give {option}")

    def _ask(self, question: str) -> str:
        try:
            self._stderr.write(safe_page(question))
            self._stderr.flush()
            answer = self._stdin.readline()
        except KeyboardInterrupt as error:
            self._end_line()
            raise Cancelled from error
        if not answer:
            self._end_line()
            raise Cancelled
        return answer.strip()

    def _end_line(self) -> None:
        self._say("")

    def _say(self, line: str) -> None:
        self._stderr.write(f"{line}\n")
        self._stderr.flush()
