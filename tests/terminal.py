"""A person at a pseudo terminal: what a program shows there, and what is typed."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

import pexpect
import pyte


class Person:
    """Sits at a terminal of 24 lines: sees what a screen shows, and types."""

    def __init__(self, child: pexpect.spawn[bytes], columns: int = 100) -> None:
        self._child = child
        self._columns = columns
        self._screen = pyte.HistoryScreen(columns, 24)
        self._stream = pyte.ByteStream(self._screen)
        self.received = b""

    def sees(self, text: str, within_s: float = 20.0) -> None:
        self._waits(lambda: text in self.screen, f"{text!r} did not come", within_s)

    def sees_no_more(self, text: str, within_s: float = 20.0) -> None:
        self._waits(lambda: text not in self.screen, f"{text!r} stayed", within_s)

    def _waits(self, is_so: Callable[[], bool], complaint: str, within_s: float) -> None:
        give_up_at = time.monotonic() + within_s
        while not is_so():
            left = give_up_at - time.monotonic()
            assert left > 0, f"{complaint}:\n{self.screen}"
            try:
                block = self._child.read_nonblocking(4096, timeout=left)
            except (pexpect.EOF, pexpect.TIMEOUT):
                assert is_so(), f"{complaint}:\n{self.screen}"
                return
            self.received += block
            self._stream.feed(block)

    @property
    def screen(self) -> str:
        # Long lines are wrapped at the edge: joined, they are found again.
        return "".join(
            line if len(line.rstrip()) == self._columns else line.rstrip() + "\n"
            for line in self._screen.display
        )

    def types(self, keys: str) -> None:
        self._child.send(keys)

    def answers(self, question: str, keys: str) -> None:
        self.sees(question)
        self.types(keys + "\r")

    def ends(self, within_s: float = 20.0) -> int:
        """The exit code of the program, once it has ended by itself."""
        while True:
            try:
                self.received += self._child.read_nonblocking(4096, timeout=within_s)
            except pexpect.EOF:
                break
        self._child.wait()
        number = self._child.signalstatus
        name = signal.Signals(number).name if number else None
        assert self._child.exitstatus is not None, f"{name} ended it:\n{self.screen}"
        return int(self._child.exitstatus)

    def killed_by(self, number: signal.Signals, within_s: float = 20.0) -> int | None:
        """The signal that ended the program, once it was sent one; its last screen is kept."""
        self._child.kill(number)
        while True:
            try:
                block = self._child.read_nonblocking(4096, timeout=within_s)
            except pexpect.EOF:
                break
            self.received += block
            self._stream.feed(block)
        self._child.wait()
        return self._child.signalstatus


def fill_in_an_account(person: Person, *, host: str, port: str = "") -> None:
    """The form of an account, with a mistake and a step back, up to what it sums up.

    port: what is typed, with the keys that take the default away. The password is hunter2.
    """
    person.sees("Account id:")
    person.types("bad id")
    person.sees("letters, digits, '-' and '_', 1 to 64 of them")
    person.types("\x15fresh\r")
    person.answers("SMTP host:", host)
    person.sees("Port: 587")
    person.types("\x1b")  # Escape: back to the host
    person.sees_no_more("Port: 587")
    person.types("\r")
    person.answers("Port: 587", port)
    person.answers("Encryption: auto", "")
    person.answers("User:", "me")
    person.sees("Login method (password or oauth2):")
    person.types("hunter2\r")  # too early, as it may be read
    person.sees("one of password, oauth2; a password is asked for next, and not shown")
    person.types("\x15password\r")
    person.answers("Password:", "hunter2")
    person.answers("Password, once more:", "hunter2")
    person.answers("Limit per hour: 0", "")
    person.answers("Limit per day: 0", "")
    person.answers("Give up after:", "")
    person.sees("Save? [Y/n/e]")
    assert "  Password: ********" in person.screen
    assert b"hunter2" not in person.received
