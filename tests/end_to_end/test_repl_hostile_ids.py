"""Ids of an enemy in the menus of the Python prompt and of its forms, in a real pseudo terminal."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pexpect
import pytest

from mail_proxy.config.instances import Instance
from mail_proxy.config.load import load_settings
from mail_proxy.control.open import open_control
from mail_proxy.control.process import start_daemon, stop_daemon
from tests.faults.installation import end, environment
from tests.hostile import TEXTS, forbidden
from tests.terminal import Person

pytestmark = pytest.mark.slow

PROMPT = "my>"
TAB, CTRL_C = "\t", "\x03"
# What may not come through: it would set a title, fill the clipboard, clear the screen.
_SEQUENCES = (b"\x1b]0;owned", b"\x1b]52;c", b"\x9b31m", b"\xc2\x9b", b"\x08\x7f")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """With a daemon, and tenants and accounts that no API would take, as a file may hold them."""
    home = tmp_path_factory.mktemp("home")
    instance = Instance("my", home / "my")
    instance.folder.mkdir()
    instance.config_path.write_text("")
    environ = environment(home)
    control = open_control(instance, lambda: load_settings(instance, environ))
    control.call("addTenant", id="acme", name="Acme")
    control.call("addAccount", tenant_id="acme", id="main", host="127.0.0.1", port=2)
    control.close()
    with closing(sqlite3.connect(instance.database_path)) as db, db:
        for table, key in (("tenants", "tenant_id"), ("accounts", "account_id")):
            names = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
            given = ", ".join(":text" if name == key else f'"{name}"' for name in names)
            copy = f"INSERT INTO {table} SELECT {given} FROM {table} LIMIT 1"
            db.executemany(copy, [{"text": text} for text in TEXTS.values()])
    start_daemon(instance, port=0, environ=environ, timeout_s=60)
    try:
        yield home
    finally:
        stop_daemon(instance, force=True)
        end(instance)


@pytest.fixture
def person(home: Path, tmp_path: Path) -> Iterator[Person]:
    child = pexpect.spawn(
        sys.executable,
        ["-m", "mail_proxy", "my", "connect"],
        env={
            **os.environ,
            "MAIL_PROXY_HOME": str(home),
            "TERM": "xterm",
            "PROMPT_TOOLKIT_NO_CPR": "1",
        },
        dimensions=(24, 140),
        cwd=str(tmp_path),
    )
    person = Person(child, 140)
    person.sees(PROMPT)
    yield person
    child.close(force=True)
    assert not list(tmp_path.iterdir())  # nothing was executed


def assert_harmless(person: Person) -> None:
    assert not forbidden(person.screen)
    assert not [each for each in _SEQUENCES if each in person.received]


@pytest.mark.parametrize("noun", ["tenants", "accounts"])
def test_the_menu_of_ids(person: Person, noun: str) -> None:
    person.types(f'proxy.{noun}["k')
    person.sees("keep$(touch executed)`touch executed`")
    person.sees("keep[/b][link=http://x][@click=app.quit]now[/][red]")
    person.sees("keep{0}{tenant_id}%s%n{x.__class__}")
    assert_harmless(person)


def test_an_id_that_is_chosen_is_text_alone(person: Person) -> None:
    person.types('proxy.tenants["keep$')
    person.sees("executed`")
    person.types(TAB)
    person.sees("proxy.tenants['keep$(touch")
    person.types("\r")
    person.sees("created")
    assert "keep$(touch executed)" in person.screen.rpartition("created")[0]
    assert_harmless(person)


def test_the_list_hides_none_of_them(person: Person) -> None:
    person.types("len(list(proxy.tenants)), [row['id'][:4] for row in proxy.tenants.list()]\r")
    person.sees(f"({len(TEXTS) + 1}, [")
    person.types("proxy.tenants.list()\r")
    person.sees("--keep --force")
    assert_harmless(person)


def _asks_for_tenant(person: Person) -> None:
    person.types("new_account()\r")
    person.sees("Tenant:")


def _asks_for_account(person: Person) -> None:
    person.types('new_message("acme")\r')
    person.sees("Account: ")
    person.types("\x15")


@pytest.mark.parametrize("ask", [_asks_for_tenant, _asks_for_account])
def test_the_menu_of_a_form(person: Person, ask: Callable[[Person], None]) -> None:
    ask(person)
    person.types("keep" + TAB)
    person.sees("keep{0}{tenant_id}")
    person.sees("keep$(touch executed)`")
    assert_harmless(person)
    person.types("\x15nobody's")
    person.sees("one of")
    assert_harmless(person)
    person.types(CTRL_C)
    person.sees("Cancelled, nothing was saved.")
    assert_harmless(person)
