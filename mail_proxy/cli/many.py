"""Doing something with messages, by their ids or by a filter: count, ask, do it in parts, tell.

By a filter the instance is asked for a few thousand at a time, so that a person sees how far it is
and can stop it with Ctrl-C between two parts.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from mail_proxy.cli.errors import CommandFailed
from mail_proxy.cli.exit_codes import ExitCode
from mail_proxy.cli.failure import Failure
from mail_proxy.cli.here import Here
from mail_proxy.cli.output import Writer
from mail_proxy.cli.sequel import tell_sequel
from mail_proxy.domain import units
from mail_proxy.domain.safe_text import safe_text

PART = 2000  # messages in one call
PATIENCE_S = 0.5  # what is faster shows no progress
LISTED = 20  # reasons that are told one by one of a change by filter


@dataclass(frozen=True, slots=True)
class Verb:
    """do, done: as in "Hold 3 messages?", "Held 3". asks: also for single messages."""

    command: str
    do: str
    done: str
    asks: bool = False
    fields: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Outcome:
    """What became of all parts together."""

    n_done: int = 0
    n_left: int = 0
    not_found: list[str] = field(default_factory=list)
    not_possible: list[dict[str, Any]] = field(default_factory=list)
    resent: list[dict[str, Any]] = field(default_factory=list)

    def add(self, told: dict[str, Any]) -> None:
        """An answer of the instance; deleting has a shape of its own, older than the others."""
        impossible = told.get("not_possible") or []
        known = {each["id"] for each in impossible}
        not_found = [id_ for id_ in told.get("not_found") or [] if id_ not in known]
        counts = told.get("counts") or {
            "done": told.get("removed", 0),
            "not_possible": len(impossible),
        }
        self.n_done += counts["done"]
        self.n_left += counts["not_possible"] + len(not_found)
        self.not_found += not_found
        self.not_possible += impossible
        self.resent += told.get("resent") or []

    def done_of(self, ids: list[str]) -> list[str]:
        """Those of the named messages that it was done to."""
        left = {*self.not_found, *(each["id"] for each in self.not_possible)}
        return [id_ for id_ in ids if id_ not in left]


def change(
    found: Here,
    verb: Verb,
    ids: list[str] | None,
    filter_: str | None,
    *,
    dry_run: bool,
    force: bool = False,
) -> int:
    """Do it, and tell; the exit code."""
    ids = list(dict.fromkeys(ids or []))
    if bool(ids) == bool(filter_):
        raise CommandFailed(
            f"{verb.do.lower()}: name messages, or give --filter",
            tries=(
                found.line("messages", "list"),
                found.line("messages", verb.do.lower(), "--help"),
            ),
            code=ExitCode.USAGE,
        )
    which = {"ids": ids} if ids else {"filter": filter_}
    request = {"tenant_id": found.require_tenant_id(), **which, **verb.fields}
    if dry_run:
        return _tell_trial(found, verb, ids, _all_parts(found, verb, request, dry_run=True))
    if ids:
        if verb.asks:
            found.prompts.confirm(f"{verb.do} {_named(ids)}?", given=force)
    elif not _is_wanted(found, verb, filter_ or "", request, force=force):
        return ExitCode.DONE
    outcome = _all_parts(found, verb, request, dry_run=False)
    code = _tell(found, verb, outcome, ids)
    changed = [str(each["new_id"]) for each in outcome.resent] or outcome.done_of(ids)
    tell_sequel(found, verb.command, changed, outcome.n_done)
    return code


def _is_wanted(
    found: Here, verb: Verb, filter_: str, request: dict[str, Any], *, force: bool
) -> bool:
    """Counted before anybody is asked; False when nothing matches."""
    if force or found.options.yes:
        return True
    trial = _all_parts(found, verb, request, dry_run=True)
    if not trial.n_done and not trial.n_left:
        _tell(found, verb, trial, [])
        return False
    of = f" of {units.count(trial.n_done + trial.n_left)}" if trial.n_left else ""
    what = f"{units.count(trial.n_done)}{of} {_plural(trial.n_done + trial.n_left)}"
    if not trial.n_done:
        return True  # nothing can happen, and what is told says why
    found.prompts.confirm(f"{verb.do} {what} that match '{safe_text(filter_, 200)}'?")
    return True


def _all_parts(found: Here, verb: Verb, request: dict[str, Any], *, dry_run: bool) -> Outcome:
    outcome = Outcome()
    progress = _Progress(found.writer, "counting" if dry_run else verb.done.lower())
    try:
        for told in _parts(found, verb, request, dry_run=dry_run):
            outcome.add(told)
            progress.show(outcome.n_done + outcome.n_left)
    except KeyboardInterrupt:
        if not dry_run and outcome.n_done:
            found.writer.complain(f"\n{verb.done} {units.messages(outcome.n_done)} so far")
        raise
    finally:
        progress.end()
    return outcome


def _parts(
    found: Here, verb: Verb, request: dict[str, Any], *, dry_run: bool
) -> Iterator[dict[str, Any]]:
    fields = {**request, **({"dry_run": True} if dry_run else {})}
    if "filter" in fields:
        fields["limit"] = PART
    with found.control() as control:
        while True:
            told = control.call(verb.command, **fields)
            yield told
            if not told.get("next_cursor"):
                return
            fields["cursor"] = told["next_cursor"]


def _named(ids: list[str]) -> str:
    return f"message '{safe_text(ids[0], 80)}'" if len(ids) == 1 else f"{len(ids)} messages"


def _plural(n: int) -> str:
    return "message" if n == 1 else "messages"


def _tell_trial(found: Here, verb: Verb, ids: list[str], trial: Outcome) -> int:
    """ids: those that were named; none for a filter."""
    if ids and not trial.n_done and not trial.not_possible:
        raise _none_there(found, trial.not_found)
    total = trial.n_done + trial.n_left
    of = f" of {units.count(total)}" if trial.n_left else ""
    what = f"{verb.do.lower()} {units.count(trial.n_done)}{of} {_plural(total)}"
    named = {"ids": trial.done_of(ids)} if ids else {}
    found.writer.would(what, **named, **_record(trial))
    _tell_left(found, trial)
    return ExitCode.PARTLY if trial.n_left and ids else ExitCode.DONE


def _none_there(found: Here, ids: list[str]) -> CommandFailed:
    what = f"message '{safe_text(ids[0], 255)}' not found"
    if len(ids) > 1:
        what = f"none of these {len(ids)} messages is there"
    return CommandFailed(what, tries=(f"{found.path} messages list",), code=ExitCode.NOT_FOUND)


def _record(outcome: Outcome) -> dict[str, Any]:
    record: dict[str, Any] = {
        "done": outcome.n_done,
        "not_found": outcome.not_found,
        "not_possible": outcome.not_possible,
    }
    return record | ({"resent": outcome.resent} if outcome.resent else {})


def _tell(found: Here, verb: Verb, outcome: Outcome, ids: list[str]) -> int:
    total = outcome.n_done + outcome.n_left
    record = _record(outcome)
    if not total:
        found.writer.done(record, "No message matches")
        return ExitCode.DONE
    code = ExitCode.DONE
    text = f"{verb.done} {units.count(outcome.n_done)} of {units.count(total)}"
    if len(ids) == outcome.n_done == 1:
        text = f"{verb.done} {_named(ids)}"
    if outcome.n_left:
        is_absent = len(outcome.not_found) == total
        nothing = ExitCode.NOT_FOUND if is_absent else ExitCode.CONFLICT
        code = ExitCode.PARTLY if outcome.n_done else nothing
        what = "not found" if is_absent else "the rest is not found, or its state does not allow it"
        record |= {"ok": False, **Failure(f"{text}: {what}", code).record()}
    if len(outcome.resent) == 1:
        text += f", as '{safe_text(outcome.resent[0]['new_id'], 255)}'"
    found.writer.done(record, text)
    _tell_left(found, outcome)
    return code


def _tell_left(found: Here, outcome: Outcome) -> None:
    for message_id in outcome.not_found[:LISTED]:
        found.writer.complain(f"  not found: {safe_text(message_id, 255)}")
    for each in outcome.not_possible[:LISTED]:
        found.writer.complain(f"  {safe_text(each['id'], 255)}: {safe_text(each['reason'])}")
    told = min(len(outcome.not_found), LISTED) + min(len(outcome.not_possible), LISTED)
    if outcome.n_left > told:
        found.writer.complain(f"  and {units.count(outcome.n_left - told)} more")


class _Progress:
    """How many so far, on a terminal, once it takes a while; wiped away at the end."""

    def __init__(self, writer: Writer, doing: str) -> None:
        self._writer = writer
        self._doing = doing
        self._since = time.monotonic()
        self._shown = ""

    def show(self, n: int) -> None:
        writer = self._writer
        is_slow = time.monotonic() - self._since > PATIENCE_S
        if not is_slow or writer.options.quiet or not writer.stderr.isatty():
            return
        self._shown = f"{self._doing} {units.count(n)}"
        writer.stderr.write(f"\r{self._shown}")
        writer.stderr.flush()

    def end(self) -> None:
        if self._shown:
            self._writer.stderr.write("\r" + " " * len(self._shown) + "\r")
            self._writer.stderr.flush()
