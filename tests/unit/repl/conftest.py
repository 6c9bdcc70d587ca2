"""The REPL over a control that remembers: what a person types and what he sees."""

from __future__ import annotations

import json
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

import pytest

from mail_proxy.domain.errors import MailProxyError
from mail_proxy.repl.asking import Asker
from mail_proxy.repl.drawn import Screen
from mail_proxy.repl.proxy import Proxy

NOW = 1_795_000_000.0


@dataclass
class FakeControl:
    """Answers what it was told to, and remembers what it was asked."""

    answers: dict[str, Any] = field(default_factory=dict)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    is_live: bool = True

    def call(self, command: str, /, **fields: Any) -> dict[str, Any]:
        self.calls.append((command, fields))
        answer = self.answers.get(command, {})
        if callable(answer):
            answer = answer(**fields)
        if isinstance(answer, MailProxyError):
            raise answer
        return json.loads(json.dumps({"ok": True, **answer}))

    def stream(self, command: str, /, **fields: Any) -> Generator[dict[str, Any], None, None]:
        self.calls.append((command, fields))
        yield from self.answers[command]

    def close(self) -> None:
        pass

    def names(self) -> list[str]:
        return [name for name, _ in self.calls]


@dataclass
class World:
    """A proxy, what is behind it, and the person before it."""

    control: FakeControl
    proxy: Proxy
    questions: list[str]
    answer: bool = False  # to every question


def screen(width: int = 80, *, is_terminal: bool = True) -> Screen:
    return Screen(is_terminal=is_terminal, width=lambda: width, now=lambda: NOW)


@pytest.fixture
def world() -> World:
    control = FakeControl()
    questions: list[str] = []
    made: list[World] = []

    def confirm(question: str) -> bool:
        questions.append(question)
        return made[0].answer

    proxy = Proxy("my", control, Asker(control, screen(), confirm), control.call)
    made.append(World(control, proxy, questions))
    return made[0]
