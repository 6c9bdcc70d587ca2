from __future__ import annotations

import json
import os

from mail_proxy.daemon.readiness import Readiness
from mail_proxy.domain.errors import ConfigurationError


def test_a_start_is_told_in_one_line() -> None:
    reader, writer = os.pipe()

    Readiness(writer).started("http://127.0.0.1:8000")

    told = os.read(reader, 4096)
    assert json.loads(told) == {"ok": True, "pid": os.getpid(), "url": "http://127.0.0.1:8000"}
    assert told.count(b"\n") == 1
    assert os.read(reader, 1) == b""  # closed behind it
    os.close(reader)


def test_a_refusal_carries_sentence_code_and_hint() -> None:
    reader, writer = os.pipe()

    Readiness(writer).refused(ConfigurationError("the port is in use", hint="take another"))

    told = json.loads(os.read(reader, 4096))
    os.close(reader)
    assert told["ok"] is False
    assert (told["error"], told["code"], told["hint"]) == (
        "the port is in use",
        "configuration",
        "take another",
    )


def test_only_the_first_word_counts() -> None:
    reader, writer = os.pipe()
    readiness = Readiness(writer)

    readiness.started("http://127.0.0.1:8000")
    readiness.refused(ConfigurationError("too late"))

    assert os.read(reader, 4096).count(b"\n") == 1
    os.close(reader)


def test_a_launcher_that_has_gone_is_no_reason_to_end() -> None:
    reader, writer = os.pipe()
    os.close(reader)

    Readiness(writer).started("http://127.0.0.1:8000")


def test_the_descriptor_goes_to_no_child() -> None:
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)

    readiness = Readiness(writer)

    assert readiness.is_awaited
    assert not os.get_inheritable(writer)
    os.close(reader)
    os.close(writer)


def test_without_a_descriptor_nobody_waits() -> None:
    readiness = Readiness(None)

    readiness.started("http://127.0.0.1:8000")

    assert not readiness.is_awaited
