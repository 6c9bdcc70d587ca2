"""What the menu of the prompt offers besides ptpython's own: the words of a filter.

And ids from `["` on, whatever is typed. After a quote or a `$` ptpython offers them on Tab alone,
and a Tab that comes while it still looks for the letter before is lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from mail_proxy.completion.line import Wanted, offer_filter
from mail_proxy.domain.filter_text import VALUES

_IN_FILTER = re.compile(r"""\bfilter\s*=\s*(["'])(?P<typed>(?:(?!\1)[^\\])*)\Z""")
_AT_KEY = re.compile(r"""[\w\])]\[(["'])(?:(?!\1)[^\\])*\Z""")


class Menu(Completer):
    """Before ptpython's completer."""

    def __init__(self, inner: Completer) -> None:
        self._inner = inner

    def get_completions(
        self, document: Document, complete_event: CompleteEvent
    ) -> Iterator[Completion]:
        line = document.current_line_before_cursor
        in_filter = _IN_FILTER.search(line)
        if in_filter:
            yield from _of_filter(in_filter["typed"])
        elif _AT_KEY.search(line) and not complete_event.completion_requested:
            asked = CompleteEvent(completion_requested=True)
            for each in self._inner.get_completions(document, asked):
                if each.display_text.startswith("["):  # a key; the others are names of files
                    yield each
        else:
            yield from self._inner.get_completions(document, complete_event)


def _of_filter(typed: str) -> Iterator[Completion]:
    found = Wanted(typed)
    offer_filter(found, VALUES)
    for word, _ in found.offers:
        if word.startswith(found.typed):
            yield Completion(word, start_position=-len(found.typed))
