from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mail_proxy.domain.report_url import DEFAULT_SYNC_PATH
from mail_proxy.forms import checks
from mail_proxy.forms.account import ACCOUNT_FORM
from mail_proxy.forms.editor import EditorFailed, edited
from mail_proxy.forms.fields import BadAnswer, Field, Form
from mail_proxy.forms.message import message_form
from mail_proxy.forms.prompting import FormCancelled, GoneBack, _toolbar, ask_one, fill
from mail_proxy.forms.tenant import TENANT_FORM, client_auth
from mail_proxy.wire.accounts import AddAccount
from mail_proxy.wire.fields import parse_request
from mail_proxy.wire.posted import PostedMessage
from mail_proxy.wire.tenants import AddTenant

FORMS = [ACCOUNT_FORM, TENANT_FORM, message_form(["main"])]
BACK = object()  # the person presses esc


class Typist:
    """Types answers by the label of the question; Enter (the default) for all others."""

    def __init__(self, answers: dict[str, Any], saves: str = "y") -> None:
        self.answers = {
            label: [a] if isinstance(a, str) else list(a) for label, a in answers.items()
        }
        self.saves = list(saves)
        self.asked: list[str] = []
        self.defaults: dict[str, str] = {}
        self.said: list[str] = []
        self.first: list[str] = []  # those that were told to have none before them

    def text(self, field: Field, default: str, *, is_first: bool = False) -> str:
        self.asked.append(field.label)
        self.first += [field.label] if is_first else []
        self.defaults[field.label] = default
        waiting = self.answers.get(field.label)
        typed = waiting.pop(0) if waiting else default
        if typed is BACK:
            raise GoneBack
        return str(typed)

    def save(self) -> str:
        return self.saves.pop(0)

    def say(self, line: str) -> None:
        self.said.append(line)


SMTP = {"Account id": "main", "SMTP host": "smtp.example.com", "User": "me", "Password": "s3cret"}


def test_the_account_form_makes_a_request_that_is_taken() -> None:
    request = fill(ACCOUNT_FORM, {}, Typist(SMTP))
    assert request == {
        "id": "main",
        "host": "smtp.example.com",
        "port": 587,
        "tls_mode": "auto",
        "user": "me",
        "auth_method": "password",
        "password": "s3cret",
    }
    parse_request(AddAccount, request)


def test_the_account_form_asks_for_a_login_with_access_tokens() -> None:
    typist = Typist(
        {
            **SMTP,
            "Login method (password or oauth2)": "oauth2",
            "Provider": "microsoft",
            "Tenant": "example.com",
            "Client id": "app",
            "Client secret": "s3cret",
        }
    )
    request = fill(ACCOUNT_FORM, {}, typist)
    assert request["oauth2"] == {
        "provider": "microsoft",
        "tenant": "example.com",
        "client_id": "app",
        "client_secret": "s3cret",
    }
    assert not {"Password", "Token endpoint", "Scope"} & set(typist.asked)
    assert not any("s3cret" in line for line in typist.said)
    parse_request(AddAccount, request)


def test_the_encryption_that_is_offered_is_what_an_account_has_anyway() -> None:
    typist = Typist({**SMTP, "Port": "465"})
    request = fill(ACCOUNT_FORM, {}, typist)
    assert request["tls_mode"] == typist.defaults["Encryption"] == "auto"
    del request["tls_mode"]
    assert parse_request(AddAccount, request).tls() == "auto"


def test_without_a_user_no_password_is_asked() -> None:
    typist = Typist({**SMTP, "User": ""})
    request = fill(ACCOUNT_FORM, {}, typist)
    assert "Password" not in typist.asked
    assert "user" not in request


def test_what_is_given_already_is_not_asked() -> None:
    typist = Typist(SMTP)
    request = fill(ACCOUNT_FORM, {"id": "given", "port": 25, "ttl": 10}, typist)
    assert "Account id" not in typist.asked
    assert "Port" not in typist.asked
    assert (request["id"], request["port"], request["ttl"]) == ("given", 25, 10)


def test_a_bad_answer_is_told_and_asked_again() -> None:
    typist = Typist({**SMTP, "Port": ["0", "x", "25"]})
    assert fill(ACCOUNT_FORM, {}, typist)["port"] == 25
    assert typist.said.count("  a number from 1 to 65535") == 2


def test_the_summary_shows_no_secret() -> None:
    typist = Typist(SMTP)
    fill(ACCOUNT_FORM, {}, typist)
    assert "  Password: ********" in typist.said
    assert not any("s3cret" in line for line in typist.said)


def test_no_leaves_everything_as_it_is() -> None:
    with pytest.raises(FormCancelled):
        fill(ACCOUNT_FORM, {}, Typist(SMTP, saves="n"))


def test_edit_asks_again_with_the_answers_as_defaults() -> None:
    typist = Typist({**SMTP, "Port": ["25", "26"]}, saves="ey")
    request = fill(ACCOUNT_FORM, {"id": "given", "ttl": 9}, typist)
    assert typist.defaults["SMTP host"] == "smtp.example.com"
    assert typist.defaults["Account id"] == "given"
    assert (request["port"], request["ttl"], request["password"]) == (26, 9, "s3cret")


def test_esc_goes_back_to_the_question_before_and_offers_what_was_said() -> None:
    typist = Typist({**SMTP, "Port": ["25", "26"], "Encryption": [BACK, "none"]})
    request = fill(ACCOUNT_FORM, {}, typist)
    assert typist.asked[2:6] == ["Port", "Encryption", "Port", "Encryption"]
    assert typist.defaults["Port"] == "25"
    assert (request["port"], request["tls_mode"]) == (26, "none")


def test_esc_at_the_first_question_asks_it_again() -> None:
    typist = Typist({"Tenant id": [BACK, "acme"]})
    assert fill(TENANT_FORM, {}, typist) == {"id": "acme"}


def test_going_back_does_not_stop_at_what_was_given() -> None:
    typist = Typist({"SMTP host": ["a", "b"], "User": [BACK, ""], "Encryption": [BACK, "auto"]})
    fill(ACCOUNT_FORM, {"id": "main", "port": 25}, typist)
    assert typist.asked[:5] == ["SMTP host", "Encryption", "SMTP host", "Encryption", "User"]


def test_a_question_that_is_wanted_no_more_leaves_no_answer() -> None:
    typist = Typist(
        {
            **SMTP,
            "User": ["me", ""],
            "Login method (password or oauth2)": "password",
            "Password": [BACK, "s3cret"],
        }
    )
    typist.answers["Login method (password or oauth2)"] = ["password", BACK]
    request = fill(ACCOUNT_FORM, {}, typist)
    assert {"user", "password", "auth_method"}.isdisjoint(request)


def test_one_question_alone_has_nothing_before_it() -> None:
    field = Field("tenant_id", "Tenant", "Whose.", checks.one_of("acme", "Alpha"))
    typist = Typist({"Tenant": [BACK, "alpha", "Alpha"]})
    assert ask_one(field, typist) == "Alpha"
    assert typist.said == ["  one of acme, Alpha"]


MAIL = {"From": "me@example.org", "To": "Ann <ann@example.org>, bob@example.org", "Body": "hello"}


def test_the_message_form_makes_a_message_that_is_taken() -> None:
    typist = Typist({**MAIL, "Subject": "hi", "Priority": "high", "Message id": "m1"})
    request = fill(message_form(["main", "bulk"]), {}, typist)
    assert request == {
        "account_id": "main",
        "from": "me@example.org",
        "to": "Ann <ann@example.org>, bob@example.org",
        "subject": "hi",
        "body": "hello",
        "priority": "high",
        "id": "m1",
    }
    PostedMessage.model_validate(request)


def test_a_message_has_an_id_of_its_own_and_the_account_s_sender_is_offered() -> None:
    typist = Typist({"To": "ann@example.org", "Body": "hello"})
    request = fill(message_form(["main"], "me@example.org"), {}, typist)
    assert request["from"] == "me@example.org"
    assert len(request["id"]) == 12
    assert request["subject"] == ""


@pytest.mark.parametrize(
    ("label", "bad", "why"),
    [
        ("Account", "other", "one of main"),
        ("From", "nobody", "is not a mail address"),
        ("To", "", "at least one address"),
        ("To", "a@example.org, b", "is not a mail address"),
        ("Body", " ", "cannot be empty"),
        ("Message id", "x" * 256, "1 to 255"),
        ("Priority", "urgent", "one of immediate"),
    ],
)
def test_a_bad_part_of_a_message_is_told_at_once(label: str, bad: str, why: str) -> None:
    good = {"Account": "main", "Message id": "m", "Priority": "low", **MAIL}
    typist = Typist({**good, label: [bad, good[label]]})
    fill(message_form(["main"]), {}, typist)
    assert any(why in line for line in typist.said[1:2])


def test_an_editor_gets_the_text_and_gives_another(tmp_path: Path) -> None:
    editor = tmp_path / "my editor"
    editor.write_text('#!/bin/sh\nls -l "$2" | cut -c1-10 >> "$2"; echo "$1" >> "$2"\n')
    editor.chmod(0o755)
    assert edited("old\n", {"EDITOR": f"'{editor}' --wait"}) == "old\n-rw-------\n--wait"


@pytest.mark.parametrize("command", ["false", "/does/not/exist", "'"])
def test_an_editor_that_fails_is_told(command: str) -> None:
    with pytest.raises(EditorFailed):
        edited("old", {"EDITOR": command})


def test_the_tenant_form_makes_a_request_that_is_taken() -> None:
    answers = {
        "Tenant id": "acme",
        "Application URL": "https://app.example.com",
        "Its login method (none, bearer or basic)": "basic",
        "User": "u",
        "Password": "pw",
    }
    request = fill(TENANT_FORM, {}, Typist(answers))
    assert request == {
        "id": "acme",
        "client_base_url": "https://app.example.com",
        "client_sync_path": "/mail-proxy/sync",
        "client_auth": {"method": "basic", "user": "u", "password": "pw"},
    }
    parse_request(AddTenant, request)


def test_a_tenant_needs_only_an_id() -> None:
    typist = Typist({"Tenant id": "acme"})
    assert fill(TENANT_FORM, {}, typist) == {"id": "acme"}
    assert typist.asked == ["Tenant id", "Name", "Application URL"]


def test_the_path_for_reports_is_offered_as_it_is_used() -> None:
    typist = Typist({"Tenant id": "acme", "Application URL": "https://app.example.com"})
    fill(TENANT_FORM, {}, typist)
    assert typist.defaults["Path for reports"] == DEFAULT_SYNC_PATH


def test_a_login_that_was_not_spoken_of_is_not_sent() -> None:
    assert client_auth({"id": "x"}) is None


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (checks.entity_id, ["a", "A-b_9", "x" * 64], ["", "a b", "x" * 65, "é", "a/b"]),
        (checks.tenant_id, ["acme"], ["stats", "tenants", ""]),
        (checks.host, ["h", "smtp.example.com", "::1", "münchen.de"], ["", "a b", "a/b", "a\n"]),
        (checks.port, ["1", "65535"], ["0", "65536", "-1", "+5", "1_0", "٣", "", "9" * 5000]),
        (
            checks.url,
            ["", "http://h", "https://h:1/x"],
            ["ftp://h", "h", "http://", "http://[", "http://a b"],
        ),
        (checks.path, ["", "/", "/mail/sync"], ["sync", "//a b", "/a\n"]),
        (checks.line, ["", "Acme Ltd"], ["a\x1bb", "a\nb"]),
        (checks.limit, ["", "0", "100"], ["-1", "x"]),
        (checks.secret, ["pw", " spaced "], ["", "a\x00"]),
        (checks.choice("a", "b"), ["a", "B"], ["c", ""]),
    ],
)
def test_a_check_takes_good_answers_and_refuses_bad_ones(
    check: Any, good: list[str], bad: list[str]
) -> None:
    assert all(checks.is_good(check, text) for text in good)
    for text in bad:
        with pytest.raises(BadAnswer):
            check(text)


@pytest.mark.parametrize("form", FORMS, ids=lambda f: f.title)
def test_every_default_of_a_form_is_a_good_answer(form: Form) -> None:
    for field in form.fields:
        default = field.default({})
        assert not default or checks.is_good(field.check, default)


@pytest.mark.parametrize("form", FORMS, ids=lambda f: f.title)
def test_every_hint_fits_in_a_terminal_of_80_columns(form: Form) -> None:
    assert [f.name for f in form.fields if len(_toolbar(f.help)) > 79] == []


def test_the_first_question_has_none_to_go_back_to() -> None:
    typist = Typist({"Tenant id": [BACK, "acme"]})
    fill(TENANT_FORM, {}, typist)
    assert typist.first == ["Tenant id", "Tenant id"]
    assert "esc" not in _toolbar("Which?", is_first=True)
    assert "esc back" in _toolbar("Which?")


@pytest.mark.parametrize("form", [ACCOUNT_FORM, TENANT_FORM])
def test_a_password_that_is_typed_too_early_is_not_told_again(form: Form) -> None:
    (field,) = [field for field in form.fields if field.is_near_secret]
    assert all(choice in field.label for choice in field.choices)
    with pytest.raises(BadAnswer) as caught:
        field.check("s3cret")
    assert "s3cret" not in str(caught.value)
    assert all(choice in str(caught.value) for choice in field.choices)


def test_the_form_says_what_no_limit_is() -> None:
    limits = [field for field in ACCOUNT_FORM.fields if field.name.startswith("limit_")]
    assert limits
    assert all("0: no limit." in field.help for field in limits)


def test_the_summary_says_what_an_open_answer_means() -> None:
    answers = {"user": None, "limit_per_hour": None, "max_age": None}
    assert ACCOUNT_FORM.summary(answers) == [
        ("User", "no login"),
        ("Limit per hour", "none"),
        ("Give up after", "as the instance says"),
    ]
