"""What is asked before something is done, and what is said after it. Pure.

A question states how many it concerns; what is said states what became of each part.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from mail_proxy.domain import units
from mail_proxy.domain.safe_text import safe_text
from mail_proxy_tui.draw.messages import state_word
from mail_proxy_tui.feed.base import Action, Done, MessageRow, Verb

_LONGEST = 60
_PAST = {
    Verb.RETRY: "retried",
    Verb.DELETE: "deleted",
    Verb.HOLD: "held",
    Verb.FREE: "freed",
    Verb.SETTLE_SENT: "settled as sent",
    Verb.SETTLE_FAILED: "settled as failed",
}
# What becomes of them, of one and of several.
_EFFECT = {
    Verb.RETRY: (
        "It is tried again now, with all its tries.",
        "They are tried again now, with all their tries.",
    ),
    Verb.DELETE: ("It leaves the queue and is not sent.", "They leave the queue and are not sent."),
    Verb.HOLD: (
        "It stays in the queue and is not sent until it is freed.",
        "They stay in the queue and are not sent until they are freed.",
    ),
    Verb.FREE: (
        "It is sent as if it had never been held.",
        "They are sent as if they had never been held.",
    ),
}
# Reasons that are no participle: "1 was already sent", but "1: its content is gone".
_NOUNS = ("its ", "no ", "there ")


@dataclass(frozen=True, slots=True)
class Answer:
    """key: gives it. word: beside the key, in the border. label: on its button."""

    key: str
    word: str
    label: str


@dataclass(frozen=True, slots=True)
class Question:
    """lines: what is known. answers: each does something. no: on the button that does nothing,
    which has the focus."""

    title: str
    lines: tuple[str, ...]
    answers: tuple[Answer, ...]
    no: str

    @property
    def keys(self) -> str:
        """As they stand in the border."""
        told = [f"{answer.key} {answer.word}" for answer in self.answers]
        return "   ".join([*told, f"n / esc {self.no.removeprefix('No, ')}"])


SENT, FAILED, AGAIN = "s", "f", "r"  # the keys of what may become of a message in doubt
SETTLING = {SENT: Verb.SETTLE_SENT, FAILED: Verb.SETTLE_FAILED, AGAIN: Verb.RETRY}
_OUTCOMES = (
    Answer(SENT, "sent", "Sent"),
    Answer(FAILED, "failed", "Failed"),
    Answer(AGAIN, "send again", "Send again"),
)


@dataclass(frozen=True, slots=True)
class Said:
    """A short message after it. is_good: all was done."""

    text: str
    is_good: bool


def is_asked(action: Action) -> bool:
    """Whether a dialog comes first: what cannot be taken back, or concerns what is not seen.

    A retry of messages by their ids is asked about where one is in doubt, which the daemon knows.
    """
    if action.filter is not None:
        return True
    return action.verb not in (Verb.RETRY, Verb.HOLD, Verb.FREE, Verb.RUN_NOW)


def _yes_or_no(title: str, lines: tuple[str, ...], yes: str, no: str) -> Question:
    word = yes.removeprefix("Yes, ").split(" ")[0]
    return Question(title, lines, (Answer("y", word, yes),), no)


def of_messages(action: Action, rows: Sequence[MessageRow], trial: Done) -> Question:
    """rows: those of the messages that are on the screen. trial: what it would do."""
    n = trial.done
    many = f"{'at least ' if trial.is_partial else ''}{units.messages(n)}"
    verb = action.verb.value
    lines = [_which(action, rows), _EFFECT[action.verb][n != 1]]
    if action.verb is Verb.DELETE:
        lines.append("It is written to the command log; the application is not told.")
    if action.verb is Verb.RETRY:
        lines.append("What is in doubt may have arrived: it would arrive twice.")
    if trial.refused_count:
        lines.append(f"Left out: {_reasons(trial)}.")
    amount = f"{'all' if action.filter is not None else n}"
    return _yes_or_no(
        f"{verb.capitalize()} {many}?",
        tuple(lines),
        f"Yes, {verb} {amount}",
        _no(action.verb, n),
    )


def _no(verb: Verb, n: int) -> str:
    if verb is Verb.DELETE:
        return "No, keep"
    return "No, leave it" if n == 1 else "No, leave them"


def of_doubt(action: Action, rows: Sequence[MessageRow], trial: Done) -> Question:
    """What has become of messages in doubt. rows, trial: as of `of_messages`."""
    is_one = trial.done == 1
    many = f"{'at least ' if trial.is_partial else ''}{units.messages(trial.done)}"
    it, they = ("it", "it has") if is_one else ("them", "they have")
    lines = [
        _which(action, rows),
        f"The server's last reply was lost: nobody knows if it has {it}.",
        f"Sent: {they} arrived.",
        f"Failed: {they} not, and shall not be sent.",
        f"Send again: whoever has {it} already gets {it} twice.",
        "Sent and failed are reported to the application, if it has a URL.",
    ]
    if trial.refused_count:
        lines.append(f"Left out: {_reasons(trial)}.")
    return Question(f"Settle {many} in doubt?", tuple(lines), _OUTCOMES, "No, leave it")


def _which(action: Action, rows: Sequence[MessageRow]) -> str:
    if action.filter is not None:
        of = f" of tenant {safe_text(action.tenant_id, _LONGEST)}" if action.tenant_id else ""
        return f"All{of} that match: {safe_text(action.filter, 200)}"
    keys = action.messages
    words = Counter(state_word(row) for row in rows)
    states = ", ".join(f"{n} {word}" for word, n in words.most_common())
    unseen = len(keys) - len(rows)
    states += f", {unseen} in other windows" if unseen > 0 else ""
    tenants = sorted({key.tenant_id for key in keys})
    of = (
        f"tenant {safe_text(tenants[0], _LONGEST)}"
        if len(tenants) == 1
        else f"{len(tenants)} tenants"
    )
    if len(keys) == 1:
        return f"{safe_text(keys[0].id, _LONGEST)}: {states}  ({of})"
    return f"{len(keys)} marked: {states}  ({of})"


def of_others(action: Action, waiting: int | None = None) -> Question:
    """Of tenants, batches and accounts. waiting: messages that it concerns."""
    name = _name(action)
    how_many = "" if waiting is None else f" ({units.messages(waiting)} queued)"
    match action.verb:
        case Verb.SUSPEND:
            return _yes_or_no(
                f"Suspend {name}?",
                (f"Its mail waits from now on{how_many}.", "New mail is accepted, and waits too."),
                "Yes, suspend",
                "No, go on",
            )
        case Verb.ACTIVATE:
            lines = (f"Its mail goes out again, what is due at once{how_many}.",)
            return _yes_or_no(f"Activate {name}?", lines, "Yes, activate", "No, leave it")
        case Verb.PAUSE:
            return _yes_or_no(
                f"Pause {name}?",
                ("It sends nothing until a person resumes it.", "Its mail waits, no try is lost."),
                "Yes, pause",
                "No, go on",
            )
        case _:
            return _yes_or_no(
                f"{action.verb.value.capitalize()} {name}?",
                ("It sends again at once.",),
                f"Yes, {action.verb.value}",
                "No, leave it",
            )


def _name(action: Action) -> str:
    tenant = safe_text(action.tenant_id, _LONGEST)
    if action.account_id is not None:
        return f"account {tenant}/{safe_text(action.account_id, _LONGEST)}"
    if action.batch_code:
        return f"batch {safe_text(action.batch_code, _LONGEST)} of {tenant}"
    return f"tenant {tenant}" if action.tenant_id else "all sending"


def said(action: Action, done: Done) -> Said:
    """`2 of 3 retried; 1 was already sent`."""
    match action.verb:
        case Verb.SUSPEND | Verb.ACTIVATE:
            past = "suspended" if action.verb is Verb.SUSPEND else "active again"
            return Said(f"{_name(action)} is {past}: {units.messages(done.done)} queued", True)
        case Verb.PAUSE | Verb.RESUME:
            past = "paused" if action.verb is Verb.PAUSE else "in use again"
            return Said(f"{_name(action)} is {past}", True)
        case Verb.RUN_NOW:
            of = f" of {safe_text(action.tenant_id, _LONGEST)}" if action.tenant_id else ""
            return Said(f"What is due{of} goes now: {units.messages(done.done)}", True)
        case _:
            return _said_of_messages(_PAST[action.verb], done)


def _said_of_messages(past: str, done: Done) -> Said:
    if not done.refused_count:
        return Said(f"{units.messages(done.done)} {past}", True)
    total = done.done + done.refused_count
    return Said(f"{units.count(done.done)} of {units.count(total)} {past}; {_reasons(done)}", False)


def _reasons(done: Done) -> str:
    """How many for which reason, the most frequent first."""
    counted = Counter(refused.reason.partition(":")[0] for refused in done.refused)
    untold = done.refused_count - sum(counted.values())
    parts = [_reason(safe_text(reason, 100), n) for reason, n in counted.most_common(3)]
    rest = untold + sum(n for _, n in counted.most_common()[3:])
    return ", ".join([*parts, *([f"{units.count(rest)} for other reasons"] if rest else [])])


def _reason(reason: str, n: int) -> str:
    if reason.startswith(_NOUNS):
        return f"{units.count(n)}: {reason}"
    return f"{units.count(n)} {'was' if n == 1 else 'were'} {reason}"
