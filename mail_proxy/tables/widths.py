"""How wide a text is on a terminal: in cells, of which a Chinese letter or an emoji takes two."""

from __future__ import annotations


def cells(text: str) -> int:
    if text.isascii():
        return len(text)
    from rich.cells import cell_len  # 30 ms that most texts need not

    return cell_len(text)


def padded(text: str, width: int) -> str:
    """With spaces up to `width` cells; what is wider stays whole."""
    return text + " " * max(0, width - cells(text))
