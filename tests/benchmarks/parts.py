"""Composing a mail, and one SMTP transaction without its network."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from mail_proxy.bench.letter import BODY, RECIPIENT, SENDER, composed
from mail_proxy.compose import Stamp, build
from mail_proxy.smtp.transaction import Transaction
from tests.benchmarks.cost import Cost

PLAIN = {"from": SENDER, "to": [RECIPIENT], "subject": "Benchmark", "body": BODY}
FOREIGN = {
    **PLAIN,
    "from": "Jörg Müller <j@sender.example>",
    "subject": "Grüße",
    "body": "ä" * 2000,
}
BOTH = {**PLAIN, "html": f"<p>{BODY}</p>", "text": BODY}
OFFERED = {"PIPELINING": "", "8BITMIME": "", "SIZE": "0", "ENHANCEDSTATUSCODES": ""}


def compose(fields: dict[str, Any]) -> Callable[[int], Cost]:
    def run(count: int) -> Cost:
        stored = json.dumps(fields).encode()
        cost = Cost(count)
        with cost.taken():
            for n in range(count):
                build(json.loads(stored), Stamp(f"<{n}@sender.example>", 1.8e9, f"b{n}"))
        return cost

    return run


def transact(count: int) -> Cost:
    data = composed(1)
    cost = Cost(count)
    with cost.taken():
        for _ in range(count):
            transaction = Transaction(OFFERED, SENDER, [RECIPIENT], data)
            transaction.begin()
            transaction.feed(b"250 2.1.0 ok\r\n250 2.1.5 ok\r\n354 go on\r\n")
            for _ in transaction.body():
                pass
            transaction.end()
            transaction.feed(b"250 2.0.0 taken\r\n")
            assert transaction.result is not None
            assert transaction.result.is_accepted
    return cost


PARTS: dict[str, Callable[[int], Cost]] = {
    "compose, plain text of 2 KiB": compose(PLAIN),
    "compose, other letters than ASCII": compose(FOREIGN),
    "compose, text and HTML": compose(BOTH),
    "transaction, pipelined, without a network": transact,
}
