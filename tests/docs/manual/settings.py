"""Every setting, as the manual has it."""

from __future__ import annotations

from dataclasses import dataclass

from mail_proxy.cli.topics import default_of
from mail_proxy.config.environment import VARIABLES, WITHOUT_EFFECT


@dataclass(frozen=True, slots=True)
class Setting:
    """title: its key in config.toml and its variables. words: what its value must be."""

    key: str
    names: tuple[str, ...]
    sentence: str
    words: str
    default: str
    is_secret: bool

    @property
    def title(self) -> str:
        return ", ".join([self.key, *self.names] if self.key else self.names)

    @property
    def text(self) -> str:
        """What it does, what it may be, and what it is where nobody says."""
        parts = [self.sentence, f"It must be {self.words}."]
        if self.default:
            parts.append(f"Default: {self.default}.")
        if not self.key:
            parts.append("In the environment only.")
        return " ".join(parts)


def settings() -> list[Setting]:
    """In the order of the table that the program reads."""
    return [
        Setting(
            each.key or "",
            each.names,
            each.sentence,
            each.kind.words,
            default_of(each),
            each.is_secret,
        )
        for each in VARIABLES
    ]


def without_effect() -> dict[str, str]:
    """Variable to why it changes nothing."""
    return dict(WITHOUT_EFFECT)
