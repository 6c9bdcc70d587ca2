"""A session: what it opens, and what it leaves open."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from mail_proxy.config.instances import instance_named
from mail_proxy.domain.errors import MailProxyError
from mail_proxy.repl.session import MadeLate, run
from tests.unit.repl.conftest import FakeControl

_COUNT = (
    "import threading; print([t.name for t in threading.enumerate()].count('mail-proxy client'))"
)


@pytest.mark.slow  # httpx takes its time to be imported
def test_code_for_a_daemon_elsewhere_has_one_client_and_none_is_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    instance = instance_named("far", tmp_path)
    before = threading.active_count()
    assert run(instance, {}, url="http://127.0.0.1:9", token="t", code=_COUNT) == 0
    assert capsys.readouterr().out == "1\n"
    assert threading.active_count() == before


def test_what_menus_look_through_is_made_at_the_first_look_and_closed_once() -> None:
    made: list[Closing] = []

    class Closing(FakeControl):
        is_closed = False

        def close(self) -> None:
            self.is_closed = True

    def make() -> Closing:
        made.append(Closing())
        return made[-1]

    late = MadeLate(make)
    assert made == []
    late.call("listTenants")
    late.call("listAccounts")
    late.close()
    assert [(control.names(), control.is_closed) for control in made] == [
        (["listTenants", "listAccounts"], True)
    ]
    with pytest.raises(MailProxyError, match="has ended"):
        late.call("listTenants")


def test_what_was_never_looked_through_is_not_made_to_be_closed() -> None:
    def make() -> FakeControl:
        raise AssertionError("nobody looks")

    MadeLate(make).close()
