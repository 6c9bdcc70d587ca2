"""What the menu of the prompt offers besides ptpython's own: the words of a filter.

The ids that a verb takes first, and of `tenant_id`; no name with a `_` before one is typed. And ids
from `["` on, whatever is typed. After a quote or a `$` ptpython offers them on Tab alone,
and a Tab that comes while it still looks for the letter before is lost.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from mail_proxy.client import verbs
from mail_proxy.completion.line import Wanted, offer_filter
from mail_proxy.domain.filter_text import VALUES
from mail_proxy.repl.nouns import known_ids

_IN_FILTER = re.compile(r"""\bfilter\s*=\s*(["'])(?P<typed>(?:(?!\1)[^\\])*)\Z""")
_IN_CALL = re.compile(
    r"""(?<![\w.\])])(?P<of>\w+(?:\.\w+)*)\.(?P<verb>\w+)\(
    (?:\s*|(?P<before>[^()]*)\btenant_id\s*=\s*)(?:\[(?:[^\]"']|"[^"]*"|'[^']*')*)?
    (?P<quote>["'])(?P<typed>(?:(?!(?P=quote))[^\\])*)\Z""",
    re.VERBOSE,
)
_WORD = re.compile(r"\w*\Z")
_AT_KEY = re.compile(r"""[\w\])]\[(["'])(?:(?!\1)[^\\])*\Z""")


# What the first parameter of a verb is called, and the noun whose ids it takes.
_NOUNS = {"account_id": "accounts", "tenant_id": "tenants", "id": "messages", "ids": "messages"}


class Menu(Completer):
    """Before ptpython's completer. names: what the person has, `proxy` among it."""

    def __init__(self, inner: Completer, names: Callable[[], Mapping[str, Any]]) -> None:
        self._inner = inner
        self._names = names

    def get_completions(
        self, document: Document, complete_event: CompleteEvent
    ) -> Iterator[Completion]:
        line = document.current_line_before_cursor
        in_filter = _IN_FILTER.search(line)
        in_call = None if in_filter else _IN_CALL.search(line)
        if in_filter:
            yield from _of_filter(in_filter["typed"])
        elif in_call and (ids := self._ids_for(in_call)) is not None:
            yield from _of_ids(ids, in_call, document)
        elif _AT_KEY.search(line) and not complete_event.completion_requested:
            asked = CompleteEvent(completion_requested=True)
            for each in self._inner.get_completions(document, asked):
                if each.display_text.startswith("["):  # a key; the others are names of files
                    yield each
        else:
            yield from self._of_python(line, document, complete_event)

    def _of_python(
        self, line: str, document: Document, complete_event: CompleteEvent
    ) -> Iterator[Completion]:
        word = _WORD.search(line)
        is_private = word is not None and word.group().startswith("_")
        for each in self._inner.get_completions(document, complete_event):
            if is_private or not each.display_text.startswith("_"):
                yield each

    def _ids_for(self, call: re.Match[str]) -> list[str] | None:
        """The ids to offer; None where the call is none of `proxy`."""
        first, *path = call["of"].split(".")
        of: object = self._names().get(first)
        proxy = of
        for name in (*path, call["verb"]):
            if not isinstance(of, verbs.Noun):
                return None
            of = getattr(of, name, None)
        if not isinstance(proxy, verbs.Instance) or not callable(of):
            return None
        noun = _NOUNS.get("tenant_id" if call["before"] is not None else _first_of(of))
        return [] if noun is None else known_ids(getattr(proxy, noun))


def _first_of(verb: Callable[..., object]) -> str:
    """What its first parameter is called."""
    return next(iter(inspect.signature(verb).parameters), "")


def _of_ids(ids: list[str], call: re.Match[str], document: Document) -> Iterator[Completion]:
    quote, typed = call["quote"], call["typed"]
    end = "" if document.text_after_cursor.startswith(quote) else quote
    for id_ in ids:
        if id_.startswith(typed):
            text = id_.replace("\\", "\\\\").replace(quote, f"\\{quote}")
            yield Completion(text + end, start_position=-len(typed), display=id_)


def _of_filter(typed: str) -> Iterator[Completion]:
    found = Wanted(typed)
    offer_filter(found, VALUES)
    for word, _ in found.offers:
        if word.startswith(found.typed):
            yield Completion(word, start_position=-len(found.typed))
