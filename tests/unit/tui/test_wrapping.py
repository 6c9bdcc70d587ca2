"""Lines that are wrapped: in cells, and whole."""

from __future__ import annotations

from rich.text import Text

from mail_proxy_tui.draw.wrapping import wrapped


def test_a_long_id_is_shown_to_its_end() -> None:
    id_ = "".join(f"{n:03}" for n in range(85))
    lines = wrapped(Text(f"{id_}: 1 deferred"), 70)
    assert all(line.cell_len <= 70 for line in lines)
    assert "".join(line.plain for line in lines).replace(" ", "") == f"{id_}:1deferred"


def test_wide_letters_take_two_cells() -> None:
    lines = wrapped(Text("日本語" * 20), 70)
    assert [line.cell_len for line in lines] == [70, 50]
