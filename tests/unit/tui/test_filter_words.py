"""What ends the word that is typed into the filter."""

from __future__ import annotations

import pytest

from mail_proxy.domain.filter_text import WORDS
from mail_proxy_tui.widgets.filter_line import FilterSuggester


@pytest.mark.parametrize("word", WORDS)
def test_each_word_of_the_filter_is_offered(word: str) -> None:
    ended = FilterSuggester().ended(f"to:bob -{word}")
    assert ended is not None
    assert ended.startswith(f"to:bob -{word}:")
