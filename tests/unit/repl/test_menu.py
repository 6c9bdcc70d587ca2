"""What the menu of the prompt offers, and when."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.input import DummyInput, create_pipe_input
from prompt_toolkit.output import DummyOutput

from mail_proxy.repl.shell import Prompt, Shell
from tests.patience import PATIENCE_S
from tests.unit.repl.conftest import World

pytestmark = pytest.mark.slow  # ptpython and jedi take their time to be imported


def offered(world: World, text: str, *, by_tab: bool) -> list[str]:
    prompt = Prompt(lambda: "my> ", is_red=False)
    with create_app_session(input=DummyInput(), output=DummyOutput()):
        shell = Shell({"proxy": world.proxy}, prompt, InMemoryHistory())
    event = CompleteEvent(completion_requested=by_tab, text_inserted=not by_tab)
    return [each.text for each in shell.completer.get_completions(Document(text), event)]


def test_the_menus_of_a_prompt_look_at_what_is_known_and_the_person_at_what_is_there(
    world: World,
) -> None:
    asked: list[dict[str, object]] = []
    is_asked = threading.Event()

    def told(**fields: object) -> dict[str, object]:
        asked.append(fields)
        is_asked.set()
        return {"tenants": [{"id": "acme"}]}

    world.control.answers["listTenants"] = told
    prompt = Prompt(lambda: "my> ", is_red=False)
    with (
        create_pipe_input() as keyboard,
        create_app_session(input=keyboard, output=DummyOutput()),
        ThreadPoolExecutor(1) as person,
    ):
        shell = Shell({"proxy": world.proxy}, prompt, InMemoryHistory())
        line = person.submit(shell.read)
        keyboard.send_text('proxy.tenants["a\t')
        assert is_asked.wait(PATIENCE_S)
        keyboard.send_text("\x03[*map(str, proxy.tenants)]\r")
        text = line.result(10)
        assert asked == [{}]
        assert person.submit(lambda: shell.eval(text)).result(10) == ["acme"]
    assert asked == [{}, {"active_only": False}]


@pytest.mark.parametrize("by_tab", [True, False])
@pytest.mark.parametrize("text", ['proxy.tenants["', "proxy.tenants['", 'proxy.tenants["a'])
def test_ids_are_offered_as_soon_as_the_quote_is_typed(
    world: World, text: str, by_tab: bool
) -> None:
    world.control.answers["listTenants"] = {"tenants": [{"id": "acme"}, {"id": "alpha"}]}
    assert offered(world, text, by_tab=by_tab) == ["'acme']", "'alpha']"]


def test_an_id_is_offered_after_any_letter_of_it(world: World) -> None:
    world.control.answers["listTenants"] = {"tenants": [{"id": "a$b"}, {"id": "alpha"}]}
    assert offered(world, 'proxy.tenants["a$', by_tab=False) == ["'a$b']"]


def test_files_are_no_keys(world: World) -> None:
    assert offered(world, 'nothing["', by_tab=False) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('proxy.messages.list(filter="st', ["state:"]),
        ('proxy.messages.list("acme", filter = "state:held pri:l', ["low"]),
        ("proxy.messages.retry(filter='-state:in", ["in_doubt"]),
        ("proxy.messages.retry(filter='to:x", []),
    ],
)
def test_the_words_of_a_filter_are_offered(world: World, text: str, words: list[str]) -> None:
    assert offered(world, text, by_tab=False) == words


def test_after_its_quote_a_filter_is_done(world: World) -> None:
    assert "state:" not in offered(world, 'proxy.messages.list(filter="x", st', by_tab=False)


_ACCOUNTS = ["main", "mass"]
_TENANTS = ["acme"]
_MESSAGES = ["2026-1", 'a"b']


@pytest.mark.parametrize("by_tab", [True, False])
@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ('proxy.accounts.update("', ['main"', 'mass"']),
        ("proxy.accounts.pause('mai", ["main'"]),
        ('x = proxy.accounts.resume( "', ['main"', 'mass"']),
        ('proxy.accounts.delete("z', []),
        ('proxy.accounts.list("', ['acme"']),
        ('proxy.accounts.get("main", tenant_id="', ['acme"']),
        ('proxy.tenants.update("', ['acme"']),
        ('proxy.stats("', ['acme"']),
        ('proxy.messages.get("2', ['2026-1"']),
        ('proxy.messages.hold(["2026-1", "a', ['a\\"b"']),
        ("proxy.messages.why('a", ["a\"b'"]),
        ('proxy.accounts.add("', []),
    ],
)
def test_the_ids_that_a_verb_takes_are_offered_and_no_files(
    world: World, text: str, ids: list[str], by_tab: bool
) -> None:
    world.control.answers |= {
        "listAccounts": {"accounts": [{"id": each} for each in _ACCOUNTS]},
        "listTenants": {"tenants": [{"id": each} for each in _TENANTS]},
        "listMessages": {"messages": [{"id": each} for each in _MESSAGES]},
    }
    assert offered(world, text, by_tab=by_tab) == ids


@pytest.mark.parametrize(
    "text", ['open("', 'proxy.messages.list().save("', 'proxy.accounts.update("main"', 'x.get("']
)
def test_where_no_id_is_taken_none_is_looked_for(world: World, text: str) -> None:
    offered(world, text, by_tab=True)
    assert world.control.names() == []


@pytest.mark.parametrize(("text", "is_private"), [("None.", False), ("None._", True)])
def test_names_with_an_underscore_wait_for_one_to_be_typed(
    world: World, text: str, is_private: bool
) -> None:
    assert ("__class__" in offered(world, text, by_tab=True)) == is_private
