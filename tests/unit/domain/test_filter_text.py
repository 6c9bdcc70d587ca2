from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail_proxy.domain.errors import Invalid
from mail_proxy.domain.filter_text import (
    MAX_CHARS,
    MAX_RECIPIENT_TESTS,
    MAX_TESTS,
    WORDS,
    parse_filter,
)
from mail_proxy.domain.filters import (
    MAX_VALUE_CHARS,
    MAX_WILDCARDS,
    STATUS_WORDS,
    Codes,
    Comparison,
    Field,
    Number,
    Pattern,
    Term,
    only_tenant,
)


def one(text: str) -> Term:
    (term,) = parse_filter(text)
    return term


def number(sign: str, value: float) -> Number:
    return Number(Comparison(sign), value)


@pytest.mark.parametrize(
    ("text", "field", "tests"),
    [
        ("state:deferred,failed", Field.STATE, (STATUS_WORDS["deferred"], STATUS_WORDS["error"])),
        ("status:In-Doubt", Field.STATE, (STATUS_WORDS["in_doubt"],)),
        ("pri:high,3", Field.PRIORITY, (number("=", 1), number("=", 3))),
        ("tenant:acme", Field.TENANT, (Pattern(("acme",)),)),
        ("account_id:smtp-*", Field.ACCOUNT, (Pattern(("smtp-", "")),)),
        ("to:bob@", Field.TO, (Pattern(("bob@",), is_whole=False),)),
        ("to:*@example.com", Field.TO, (Pattern(("", "@example.com")),)),
        ("to:=bob@example.com", Field.TO, (Pattern(("bob@example.com",)),)),
        ('from:"=x"', Field.FROM, (Pattern(("=x",), is_whole=False),)),
        ('subject:"a, b * \\"c\\" \\\\"', Field.SUBJECT, (Pattern(('a, b * "c" \\',), False),)),
        ('batch:may" "1', Field.BATCH, (Pattern(("may 1",)),)),
        ("age:>1h30m", Field.AGE, (number(">", 5400),)),
        ("age:<=1.5d", Field.AGE, (number("<=", 129600),)),
        ("tries:>2", Field.TRIES, (number(">", 2),)),
        ("tries:0", Field.TRIES, (number("=", 0),)),
        ("error:550,4xx,45x", Field.ERROR, (Codes(550, 550), Codes(400, 499), Codes(450, 459))),
        ('error:"550"', Field.ERROR, (Pattern(("550",), is_whole=False),)),
        ("error:quota", Field.ERROR, (Pattern(("quota",), is_whole=False),)),
        ("id:a81f*", Field.ID, (Pattern(("a81f", "")),)),
        ("since:1970-01-02", Field.CREATED, (number(">=", 86400),)),
        ("until:1970-01-01T01:00+01:00", Field.CREATED, (number("<", 0),)),
        ("a81f", Field.ANY, (Pattern(("a81f",)),)),
        ('"state:sent"', Field.ANY, (Pattern(("state:sent",)),)),
        ("2026:11", Field.ANY, (Pattern(("2026:11",)),)),
    ],
)
def test_a_term_is_read(text, field, tests):
    assert one(text) == Term(field, tests)
    assert one(f"-{text}") == Term(field, tests, is_negated=True)


def test_terms_stand_between_spaces():
    assert parse_filter(" state:sent \t -bob\n") == (one("state:sent"), one("-bob"))
    assert parse_filter("") == parse_filter("  ") == ()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("stat:sent", "there is no 'stat:' (at 1). Did you mean 'state:'?"),
        ("a -stat:sent", "there is no 'stat:' (at 4). Did you mean 'state:'?"),
        ("state:defered", "'defered' is no state (at 7). Did you mean 'deferred'?"),
        ("x state:sent,lost", "'lost' is no state (at 14). There are: pending, deferred, sent,"),
        ("pri:hihg", "'hihg' is no priority (at 5). Did you mean 'high'?"),
        ("pri:4", "'4' is no priority (at 5). There are: immediate, high, medium, low, 0 to 3"),
        ("age:1h", "'1h' needs '>' or '<' before it (at 5). Did you mean 'age:>1h'?"),
        ("age:>soon", "'>soon' is no age (at 5). Write an age as in age:>1h, with s, m, h, d or w"),
        ("tries:>many", "'>many' is no number of tries (at 7). Write a number, as in tries:>2"),
        ("since:today", "'today' is no time (at 7). Write it as 2026-11-21, 2026-11-21T10:30 or"),
        ("since:inf", "'inf' is no time (at 7)."),
        ("to:", "a value is missing in 'to:' (at 1)."),
        ("to:a,,b", "a value is missing in 'to:a,,b' (at 1)."),
        ("a - b", "a value is missing in '-' (at 3)."),
        ('to:x subject:"a b', "a quote is not closed (at 14)."),
        ("order:12", "there is no 'order:' (at 1). There are: state, pri,"),
        ("id:" + "*" * (MAX_WILDCARDS + 1), f"more than {MAX_WILDCARDS} '*' in '*********' (at 4)"),
        ("x" * (MAX_CHARS + 1), f"longer than {MAX_CHARS} characters"),
        ("id:" + "x" * (MAX_VALUE_CHARS + 1), "has more than 1000 characters (at 4)"),
        ("tries:1 " * (MAX_TESTS + 1), f"more than {MAX_TESTS} values"),
        ("id:" + ",".join("x" * (MAX_TESTS + 1)), f"more than {MAX_TESTS} values"),
        (
            "to:a -b " + ",".join("c" * (MAX_RECIPIENT_TESTS - 1)),
            f"more than {MAX_RECIPIENT_TESTS} values of 'to:' and bare words",
        ),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place_and_word(text, told):
    with pytest.raises(Invalid) as caught:
        parse_filter(text)
    assert told in str(caught.value)
    assert str(caught.value).startswith("filter: ")
    assert caught.value.field == "filter"
    assert caught.value.detail["position"] >= 1


def test_a_filter_may_have_so_many_values():
    text = "id:" + ",".join("x" * (MAX_TESTS - MAX_RECIPIENT_TESTS)) + " a" * MAX_RECIPIENT_TESTS
    assert sum(len(term.tests) for term in parse_filter(text)) == MAX_TESTS


@given(st.text(alphabet=string.printable + 'é*:-,"\\<>=', max_size=60))
def test_any_text_is_a_filter_or_is_told_why_not(text):
    told = None
    try:
        terms = parse_filter(text)
    except Invalid as error:
        told = error
    if told is None:
        assert all(term.tests for term in terms)
    else:
        assert told.field == "filter"
        assert 1 <= told.detail["position"] <= len(text) + 1


@given(st.lists(st.text(min_size=1, max_size=20), min_size=1, max_size=4), st.booleans())
def test_what_is_quoted_is_taken_as_it_is(values, is_negated):
    quoted = ",".join('"' + v.replace("\\", "\\\\").replace('"', '\\"') + '"' for v in values)
    for word, field in (("", Field.ANY), ("id:", Field.ID), ("batch:", Field.BATCH)):
        term = one(f"{'-' * is_negated}{word}{quoted}")
        assert term == Term(field, tuple(Pattern((v,)) for v in values), is_negated)


@given(
    st.sampled_from(WORDS), st.text(alphabet=string.ascii_letters + "0123456789<>=.", min_size=1)
)
def test_every_word_is_known(word, value):
    told = ""
    try:
        parse_filter(f"{word}:{value}")
    except Invalid as error:
        told = str(error)
    assert "there is no" not in told


@pytest.mark.parametrize(
    ("text", "tenant_id"),
    [
        ("tenant:acme to:x", "acme"),
        ("-tenant:acme", None),
        ("tenant:acme,beta", None),
        ("tenant:ac*", None),
        ("acme", None),
    ],
)
def test_one_tenant_alone_is_seen(text, tenant_id):
    assert only_tenant(parse_filter(text)) == tenant_id
