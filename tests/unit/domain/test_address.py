"""Two hundred addresses, good and bad, and what is true of all. Long for its table."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail_proxy.domain.address import (
    Address,
    needs_smtputf8,
    parse_address,
    parse_addresses,
)
from mail_proxy.domain.errors import Invalid

GOOD_PLAIN = """
a@b
a@b.example
user@localhost
simple@example.com
very.common@example.com
first.last@sub.do.main.example.com
x@example.co.uk
user+tag@example.com
user+@example.com
user-name@example.com
-leading@example.com
trailing-@example.com
_service@example.com
user_name@example.com
o'reilly@example.com
a/b@example.com
customer/department=shipping@example.com
$A12345@example.com
!def!xyz%abc@example.com
user%other.example@example.com
bang!path!user@example.com
{curly}@example.com
a|b@example.com
a`b@example.com
a~b@example.com
a^b@example.com
a#b@example.com
a&b@example.com
a*b@example.com
a?b@example.com
a=b@example.com
1234567890@example.com
user@1and1.example
user@123.example
user@a-b.example
user@a--b.example
user@xn--bcher-kva.example
user@EXAMPLE.COM
User.Name@Example.Com
a.b.c.d.e.f@example.com
user@a.b.c.d.e.f.g.example
user@x.y
user@example.museum
user@example.c
"quoted"@example.com
"a@b"@example.com
"a,b"@example.com
"a;b"@example.com
"a\\"b"@example.com
"a\\\\b"@example.com
"very.unusual.@.unusual.com"@example.com
"..dots.."@example.com
"(comment)"@example.com
"jörg"@example.com
user@[192.0.2.1]
user@[0.0.0.0]
user@[255.255.255.255]
user@[IPv6:2001:db8::1]
user@[IPv6:::1]
user@[ipv6:2001:db8::1]
user@[IPv6:::ffff:192.0.2.1]
user@[IPv6:2001:db8:0:0:0:0:0:1]
"quoted"@[192.0.2.1]
jörg@example.com
用户@example.com
δοκιμή@παράδειγμα.δοκιμή
дима@почта.рф
user@bücher.example
user@münchen.de
user@日本語.jp
user@例え.テスト
user@straße.example
उपयोगकर्ता@example.com
user@उदाहरण.परीक्षा
संपर्क@डाटामेल.भारत
user@مثال.إختبار
user@l·l.example
ñandú.perú@example.com
dots.ünï.cödé@example.com
""".strip("\n").split("\n")

BAD = """
"john doe"@example.com
"john\\ doe"@example.com
"a<b>c"@example.com
"a\\>b"@example.com
" "@example.com
plainaddress
@
@example.com
user@
user@.
.@example.com
user@@example.com
user@a@example.com
a@b, c@d
a@b,c@d
a@b;c@d
a@b; c@d
a@b c@d
a@b c
a @b
a@ b
a b@example.com
user name@example.com
.user@example.com
user.@example.com
us..er@example.com
user@.example.com
user@example.com.
user@example..com
user@-example.com
user@example-.com
user@exam_ple.com
user@exam ple.com
user@example.com/path
user@example.com:25
user@example.com?x=1
user@exam!ple.com
user@ex*mple.com
user@127.0.0.1
user@1.2.3
user@999.999.999.999
user@example.123
user@[127.0.0.1
user@127.0.0.1]
user@[]
user@[1.2.3]
user@[1.2.3.4.5]
user@[256.1.1.1]
user@[01.2.3.4]
user@[1.2.3.4 ]
user@[1.2.3.4]]
user@[1.2.3.4].com
user@[IPv6:]
user@[IPv6:1.2.3.4]
user@[IPv6:2001:db8::g]
user@[IPv6:fe80::1%eth0]
user@[2001:db8::1]
user@[tag:content]
user@[example.com]
user@[1.2.3.4> SIZE=1]
us(er@example.com
user(comment)@example.com
(comment)user@example.com
user@example.com(comment)
user@(comment)example.com
user@example.com (Real Name)
user<@example.com
us>er@example.com
us,er@example.com
us;er@example.com
us:er@example.com
us[er@example.com
us]er@example.com
us\\er@example.com
us"er@example.com
"user@example.com
user"@example.com
""@example.com
"us"er@example.com
us"e"r@example.com
"us"er"@example.com
"user\\"@example.com
"user"."name"@example.com
"user".name@example.com
<user@example.com
user@example.com>
<<user@example.com>>
<user@example.com>>
<>
< >
<user>
< user@example.com>
<user@example.com >
<@a.example,@b.example:user@example.com>
<@a.example:user@example.com>
@a.example:user@example.com
<user@example.com> SIZE=1000
<user@example.com> BODY=8BITMIME
user@example.com SIZE=1000
<a@b><c@d>
<a@b> <c@d>
<a@b>, <c@d>
a@b <c@d>
Name a@b
Name user@example.com>
Name <user@example.com
Name <user@example.com> trailing
"Name <user@example.com>
Na"me <user@example.com>
Name, Other <user@example.com>
Name; Other <user@example.com>
Name: <user@example.com>
Group: a@b;
Group: a@b, c@d;
undisclosed-recipients:;
Na(me) <user@example.com>
(Name) <user@example.com>
[Name] <user@example.com>
Na\\me <user@example.com>
"Na\\" <user@example.com>
mailto:user@example.com
http://example.com
=?utf-8?q?user?=@example.com
=?utf-8?q?victim=40example.org=3E?=@example.com
a=?b@example.com
user@exämple_.com
user@-bücher.example
user@bücher-.example
user@例\u3002jp
user@例\uff0ejp
user@ex\u202eample.com
us\u202eer@example.com
us\u200ber@example.com
us er@example.com
user@☃.example
user@exa\u200bmple.com
Bcc: x@example.com
""".strip("\n").split("\n")

CONTROLS = [
    "user@example.com\r\nRCPT TO:<other@example.com>",
    "c@x>\r\nRCPT TO:<z@z",
    "user@example.com\n",
    "\nuser@example.com",
    "user\r@example.com",
    "us\x00er@example.com",
    "user@exam\x00ple.com",
    "user@example.com\x00",
    "us\ter@example.com",
    "user@example.com\t",
    "us\x7fer@example.com",
    "us\x85er@example.com",
    "us\x1ber@example.com",
    '"us\ner"@example.com',
    '"us\\\ner"@example.com',
    "Na\nme <user@example.com>",
    '"Na\r\nBcc: x@y" <user@example.com>',
    '"Na\u2028me" <user@example.com>',
    "us\ud800er@example.com",
    "user@\udfff.example",
    '"\udc80" <user@example.com>',
]

LONG_LOCAL = "l" * 64
LONG_DOMAIN = ".".join(["d" * 63] * 2 + ["e" * 58, "n"])


def test_the_corpus_is_large() -> None:
    assert len(GOOD_PLAIN) + len(BAD) + len(CONTROLS) >= 200
    assert len(set(GOOD_PLAIN + BAD + CONTROLS)) == len(GOOD_PLAIN + BAD + CONTROLS)


@pytest.mark.parametrize("text", GOOD_PLAIN)
def test_a_good_address_is_taken_as_it_is_written(text: str) -> None:
    assert parse_address(text, field="to") == Address("", text)


@pytest.mark.parametrize("text", GOOD_PLAIN)
def test_a_good_address_may_have_angle_brackets_and_a_name(text: str) -> None:
    assert parse_address(f"<{text}>", field="to") == Address("", text)
    assert parse_address(f"Ann Lee <{text}>", field="to") == Address("Ann Lee", text)


@pytest.mark.parametrize("text", [*BAD, *CONTROLS, "", " "])
def test_a_bad_address_is_refused_with_its_field(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_address(text, field="cc")
    assert refused.value.field == "cc"


@pytest.mark.parametrize("text", [*BAD, *CONTROLS])
def test_a_bad_address_is_refused_in_a_list_too(text: str) -> None:
    with pytest.raises(Invalid):
        parse_addresses(["good@example.com", text], field="to")


@pytest.mark.parametrize("text", [*BAD, *CONTROLS])
def test_a_refusal_is_one_printable_line(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_address(text, field="to")
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 250


@pytest.mark.parametrize("value", [5, True, 1.5, b"a@b", ["a@b"], {"a": 1}, None])
def test_what_is_not_text_is_no_address(value: object) -> None:
    with pytest.raises(Invalid, match="must be text"):
        parse_address(value, field="from")


def test_a_refusal_names_the_address() -> None:
    with pytest.raises(Invalid, match=r"'us er@example\.com' is not a mail address: "):
        parse_address("us er@example.com", field="to")


def test_a_refusal_shortens_a_long_address() -> None:
    with pytest.raises(Invalid, match=re.escape("xxx...'")):
        parse_address("x" * 100_000, field="to")


def test_two_addresses_in_one_entry_are_called_by_that_name() -> None:
    with pytest.raises(Invalid, match="more than one @"):
        parse_address("a@b, c@d", field="to")


@pytest.mark.parametrize(
    ("text", "display"),
    [
        ("Mario Rossi <m@example.com>", "Mario Rossi"),
        ("  Mario   Rossi  <m@example.com> ", "Mario Rossi"),
        ('"Rossi, Mario" <m@example.com>', "Rossi, Mario"),
        ('"Rossi"<m@example.com>', "Rossi"),
        ('"a <b@c>" <m@example.com>', "a <b@c>"),
        (r'"say \"hi\"" <m@example.com>', 'say "hi"'),
        (r'"back\\slash" <m@example.com>', "back\\slash"),
        ('Dr. "M. R." Rossi <m@example.com>', "Dr. M. R. Rossi"),
        ("Acme s.r.l. <m@example.com>", "Acme s.r.l."),
        ("Jörg Müller <m@example.com>", "Jörg Müller"),
        ("日本 太郎 <m@example.com>", "日本 太郎"),
        ("=?utf-8?q?a?= <m@example.com>", "=?utf-8?q?a?="),
        ("'apostrophes' & more! <m@example.com>", "'apostrophes' & more!"),
        ('"" <m@example.com>', ""),
        ("<m@example.com>", ""),
        ('"  spaces  " <m@example.com>', "  spaces  "),
    ],
)
def test_a_display_name_is_read_without_its_quotes(text: str, display: str) -> None:
    assert parse_address(text, field="to") == Address(display, "m@example.com")


def test_a_display_name_has_a_limit() -> None:
    assert len(parse_address(f"{'x' * 998} <a@b>", field="to").display) == 998
    with pytest.raises(Invalid, match="longer than 998"):
        parse_address(f"{'x' * 999} <a@b>", field="to")


@pytest.mark.parametrize("local", [LONG_LOCAL, "é" * 32, f'"{"q" * 62}"'])
def test_a_local_part_of_64_octets_is_the_longest(local: str) -> None:
    parse_address(f"{local}@example.com", field="to")
    longer = f'"q{local[1:]}' if local[0] == '"' else f"{local}l"
    with pytest.raises(Invalid, match="longer than 64 octets"):
        parse_address(f"{longer}@example.com", field="to")


def test_an_address_of_254_octets_is_the_longest() -> None:
    text = f"{LONG_LOCAL}@{LONG_DOMAIN}"
    assert len(text) == 253
    assert parse_address(f"{text}n", field="to").addr_spec == f"{text}n"
    with pytest.raises(Invalid, match="longer than 254 octets"):
        parse_address(f"{text}nn", field="to")


def test_a_label_has_at_most_63_octets() -> None:
    parse_address(f"a@{'d' * 63}.example", field="to")
    with pytest.raises(Invalid, match="part of a domain"):
        parse_address(f"a@{'d' * 64}.example", field="to")
    with pytest.raises(Invalid, match="too long"):
        parse_address(f"a@{'ü' * 60}.example", field="to")


def test_non_ascii_is_brought_into_one_form() -> None:
    assert parse_address("jo\u0308rg@Bu\u0308cher.example", field="to").addr_spec == (
        "j\u00f6rg@b\u00fccher.example"
    )


def test_the_domain_follows_the_last_at() -> None:
    assert parse_address('"a@b"@example.com', field="to").domain == "example.com"


@pytest.mark.parametrize(
    ("addr_spec", "needed"),
    [("a@b", False), ("a@bücher.example", False), ("jörg@b", True), ('"ö"@b', True)],
)
def test_only_a_local_part_needs_smtputf8(addr_spec: str, needed: bool) -> None:
    assert needs_smtputf8(addr_spec) is needed


@pytest.mark.parametrize(
    ("value", "addr_specs"),
    [
        ("a@b", ["a@b"]),
        ("a@b, c@d", ["a@b", "c@d"]),
        ("a@b,c@d,", ["a@b", "c@d"]),
        (" , a@b,, c@d ", ["a@b", "c@d"]),
        ('"Lee, Ann" <a@b>, Bob <c@d>', ["a@b", "c@d"]),
        (r'"Lee \", Ann" <a@b>, c@d', ["a@b", "c@d"]),
        ('"x,y"@b, <"z,w"@d>', ['"x,y"@b', '"z,w"@d']),
        ('Ann <"a,b"@c>, d@e', ['"a,b"@c', "d@e"]),
        ("", []),
        (" ", []),
        (None, []),
        ([], []),
        (["a@b", "", "  ", "c@d"], ["a@b", "c@d"]),
        (("a@b", "c@d"), ["a@b", "c@d"]),
    ],
)
def test_a_list_or_a_text_gives_each_address(value: object, addr_specs: list[str]) -> None:
    assert [a.addr_spec for a in parse_addresses(value, field="to")] == addr_specs


@pytest.mark.parametrize(
    "value",
    [
        ["a@b, c@d"],
        [None],
        [5],
        [["a@b"]],
        {"a@b": 1},
        5,
        True,
        'a@b, "open',
        '"open, a@b',
        "a@b, c",
        "a@b; c@d",
        "<a@b, c@d",
        "Lee, Ann <a@b>",
    ],
)
def test_a_list_with_anything_else_is_refused(value: object) -> None:
    with pytest.raises(Invalid) as refused:
        parse_addresses(value, field="to")
    assert refused.value.field == "to"


@pytest.mark.parametrize("start", ['"' * 30_000, "<" * 30_000, '"\\' * 15_000, "a." * 15_000])
def test_a_hostile_text_is_refused_at_once(start: str) -> None:
    """A backtracking parser would take hours for it."""
    with pytest.raises(Invalid):
        parse_addresses(f"{start}@", field="to")


@pytest.mark.parametrize(
    "value",
    [
        ["a@b"] * 1001,
        "a@b," * 1001,
        "a" * 500_001,
        ["a" * 250_000, "b" * 250_001],
        '"\\"' * 300_000,
    ],
)
def test_a_field_has_a_limit_that_is_told_before_its_addresses_are_read(value: object) -> None:
    with pytest.raises(Invalid, match=r"cc (is longer|has more) than") as refused:
        parse_addresses(value, field="cc")
    assert refused.value.field == "cc"


def test_one_address_has_that_limit_too() -> None:
    with pytest.raises(Invalid, match="from is longer than") as refused:
        parse_address("a " * 300_000 + "<a@b>", field="from")
    assert refused.value.field == "from"


def test_a_thousand_addresses_are_no_more_than_may_be() -> None:
    assert len(parse_addresses(["a@b", ""] * 1000, field="to")) == 1000


def test_many_commas_are_split_in_a_walk() -> None:
    assert parse_addresses("," * 100_000, field="to") == []


@given(st.text())
def test_any_text_is_refused_or_safe_on_the_wire(text: str) -> None:
    try:
        address = parse_address(text, field="to")
    except Invalid:
        return
    assert is_safe(address.addr_spec)


@given(st.text('ab"\\<>@,.;: ()[]1\u00e9\r\n', max_size=20).map("{}@b.example".format))
def test_any_near_address_is_refused_or_safe_on_the_wire(text: str) -> None:
    try:
        address = parse_address(text, field="to")
    except Invalid:
        return
    assert is_safe(address.addr_spec)


def is_safe(addr_spec: str) -> bool:
    """Outside of quotes there is nothing that could end the path of a MAIL or RCPT command."""
    unquoted = re.sub(r'^"(?:[^"\\]|\\.)*"', "q", addr_spec)
    return addr_spec.isprintable() and not re.search(
        r'[\s<>,;:"\\]', re.sub(r"\[.*\]$", "", unquoted)
    )


@given(
    display=st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), max_size=50),
    local=st.from_regex(r"\A[a-z0-9]{1,10}\Z"),
)
def test_a_quoted_name_reads_back(display: str, local: str) -> None:
    escaped = display.replace("\\", "\\\\").replace('"', '\\"')
    text = f'"{escaped}" <{local}@example.com>'
    assert parse_address(text, field="to") == Address(display, f"{local}@example.com")
    assert parse_addresses(f"{text},{text}", field="to") == [parse_address(text, field="to")] * 2
