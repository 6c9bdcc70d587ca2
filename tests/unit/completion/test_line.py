"""What may stand where the cursor is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import mail_proxy.completion.line as line
from mail_proxy.completion.answer import joined
from mail_proxy.completion.line import Wanted, wanted
from mail_proxy.config import instances
from mail_proxy.domain.filter_text import parse_filter

TREE: dict[str, Any] = json.loads(
    (Path(line.__file__).parent / "tree.json").read_text(encoding="utf-8")
)


def at(text: str, chosen: tuple[str, str] = ("", "")) -> Wanted:
    """What is wanted at the end of a line; a space at its end begins a new word."""
    words = text.split(" ")
    return wanted(TREE, words[:-1], words[-1], chosen)


def offered(text: str, chosen: tuple[str, str] = ("", "")) -> list[str]:
    found = at(text, chosen)
    return [word for word, _ in found.offers if word.startswith(found.typed)]


def test_the_patterns_of_names_are_those_of_the_instances() -> None:
    assert line.INSTANCE_NAME.pattern == instances.INSTANCE_NAME.pattern
    assert line.ENTITY_ID.pattern == instances.ENTITY_ID.pattern


def test_the_first_word_is_a_command_or_an_instance() -> None:
    found = at("")
    assert {"start", "stop", "completion"} <= {word for word, _ in found.offers}
    assert found.what == "instance"


def test_after_an_instance_comes_a_command_of_it_or_a_tenant() -> None:
    found = at("my ")
    assert {"stats", "tenants"} <= {word for word, _ in found.offers}
    assert (found.what, found.instance) == ("tenant", "my")


def test_after_a_tenant_come_its_commands_and_no_names() -> None:
    found = at("my acme ")
    assert "send" in [word for word, _ in found.offers]
    assert (found.what, found.instance, found.tenant) == ("", "my", "acme")


@pytest.mark.parametrize(
    ("text", "what", "instance", "tenant"),
    [
        ("start ", "instance", "", ""),
        ("instance ", "instance", "", ""),
        ("instance start ", "tenant", "start", ""),
        ("my tenant ", "tenant", "my", ""),
        ("my tenant stats accounts show ", "account", "my", "stats"),
        ("my acme accounts show ", "account", "my", "acme"),
        ("my acme messages show ", "message", "my", "acme"),
        ("my acme messages delete a b ", "message", "my", "acme"),
        ("my acme send x.eml --account ", "account", "my", "acme"),
        ("my acme send --account=", "account", "my", "acme"),
        ("my tenants show ", "tenant", "my", ""),
        ("--json my ", "tenant", "my", ""),
        ("--output json my ", "tenant", "my", ""),
        ("my --home /srv acme accounts show ", "account", "my", "acme"),
        ("use ", "instance", "", ""),
        ("use my/", "tenant", "my", ""),
        ("help my ", "tenant", "my", ""),
        ("doctor --login ", "instance", "", ""),
    ],
)
def test_names_are_looked_up_where_one_may_stand(
    text: str, what: str, instance: str, tenant: str
) -> None:
    found = at(text)
    assert (found.what, found.instance, found.tenant) == (what, instance, tenant)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("my acme send x.eml --pri", ["--priority"]),
        ("my acme send --priority hi", ["high"]),
        ("my acme send --priority=hi", ["high"]),
        ("--output=js", ["json", "jsonl"]),
        ("list --color ", ["auto", "always", "never"]),
        ("my acme accounts add main --tls-mode s", ["starttls", "ssl"]),
        ("my acme messages list --status sent,de", ["deferred"]),
        ("my config set por", ["port="]),
        ("help exit", ["exit-codes"]),
        ("help my acme accounts ch", ["check"]),
        ("help NAME TENANT se", ["send"]),
        ("completion install --shell z", ["zsh"]),
    ],
)
def test_words_that_are_known_are_offered(text: str, words: list[str]) -> None:
    assert offered(text) == words


def test_mail_files_are_wanted_by_send_and_any_file_elsewhere() -> None:
    assert at("my acme send ").files == "*.eml"
    assert at("restore new ").files == ""
    assert at("my acme accounts add main --password-file ").files == ""
    assert at("my acme send x.eml ").files is None


@pytest.mark.parametrize(
    "text",
    [
        "my acme accounts add ",  # a new id is the person's to choose
        "my acme accounts add main --host ",
        "restore ",
        "no_instance ",
        "my bad.tenant ",
        "my acme send x.eml y",
        "list x",
    ],
)
def test_nothing_is_offered_where_nothing_is_known(text: str) -> None:
    found = at(text)
    assert (found.offers, found.what, found.files) == ([], "", None)


def test_an_option_is_offered_once_unless_it_may_be_repeated() -> None:
    assert "--json" not in offered("my stats --json --")
    assert "--dry-run" not in offered("my suspend --dry-run --")
    repeated = "--attachment-folder"
    assert repeated in offered(f"my tenants update acme {repeated} /a --")


def test_a_password_is_never_offered_as_an_option() -> None:
    assert "--password" not in offered("my acme accounts add main --pass")
    assert at("my acme accounts add main --password x --").offers


def test_after_two_dashes_there_are_no_options() -> None:
    assert offered("my acme messages delete -- --") == []
    assert at("my acme messages delete -- ").what == "message"


def test_a_chosen_instance_may_be_left_out() -> None:
    assert "stats" not in offered("")
    assert {"stats", "list"} <= set(offered("", ("my", "")))
    assert "send" not in offered("", ("my", ""))
    assert "send" in offered("", ("my", "acme"))
    found = at("accounts show ", ("my", "acme"))
    assert (found.what, found.instance, found.tenant) == ("account", "my", "acme")
    found = at("tenants show ", ("my", ""))
    assert (found.what, found.instance) == ("tenant", "my")


def in_filter(text: str) -> list[str]:
    """What is offered for a filter that is one word of the line."""
    words = ["my", "acme", "messages", "list", "--filter"]
    found = wanted(TREE, words, text, ("", ""))
    return [found.prefix + word for word, _ in found.offers if word.startswith(found.typed)]


def test_the_words_and_the_fixed_values_of_a_filter_are_offered() -> None:
    assert in_filter("st") == ["state:"]
    assert in_filter("-t") == ["-tenant:", "-to:", "-tries:"]
    assert in_filter("state:se") == ["state:sent", "state:sending"]
    assert in_filter("state:held,in") == ["state:held,in_doubt"]
    assert in_filter("-state:b") == ["-state:bounced"]
    assert in_filter("'state:held pri:l") == ["state:held pri:low"]
    assert in_filter("to:a") == in_filter("nothing:") == []


def test_all_that_a_filter_is_offered_can_be_read() -> None:
    for word in in_filter(""):
        for value in in_filter(word):
            parse_filter(value)
    assert len(in_filter("pri:")) == 4


def test_names_in_a_filter_are_looked_up() -> None:
    words = ["my", "acme", "messages", "retry", "-F"]
    found = wanted(TREE, words, "state:failed account:ma", ("", ""))
    assert (found.what, found.tenant, found.prefix, found.typed) == (
        "account",
        "acme",
        "state:failed account:",
        "ma",
    )


def test_what_bash_took_apart_is_put_together() -> None:
    assert joined(["-F", "state", ":", "he"]) == ["-F", "state:he"]
    assert joined(["-F", "state", ":"]) == ["-F", "state:"]
    assert joined(["--output", "=", "js"]) == ["--output=js"]
    assert joined(["--output", "="]) == ["--output="]
    assert joined(["my", "--output=json", ""]) == ["my", "--output=json", ""]


def test_every_value_has_a_kind_that_the_completion_knows() -> None:
    kinds = set()

    def walk(node: dict[str, Any]) -> None:
        values = [a["value"] for a in node["arguments"]]
        values += [o["value"] for o in node["options"] if o["value"]]
        kinds.update(value["kind"] for value in values)
        for below in node["commands"].values():
            walk(below)

    for level in ("root", "instance", "tenant"):
        walk(TREE[level])
    plain = {"text", "number", "place", "help", "choice", "choices", "file", "filter"}
    assert kinds <= plain | {"instance", "tenant", "account", "message"}
