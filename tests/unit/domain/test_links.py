"""The text that takes an attachment's place, as its reader sees it."""

from __future__ import annotations

import time
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail_proxy.domain.bodies import read_bodies
from mail_proxy.domain.links import Link, human_date, human_size, language_of, with_links

DAY = 86400.0
UNTIL = 1_766_361_600.0  # the end of 21 December 2025
URL = "https://files.example.com/download/abc-1-def/offer.pdf"


def link(name: str = "offer.pdf", size: int = 12_900_000, url: str = URL) -> Link:
    return Link(name, size, url, UNTIL)


class Seen(HTMLParser):
    """What a reader of HTML finds."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.hrefs: list[str] = []
        self.text = ""

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.hrefs += [value for name, value in attrs if name == "href"]

    def handle_data(self, data):
        self.text += data


def test_a_text_gets_the_links_after_a_rule():
    fields = with_links({"subject": "s", "body": "Good day\n"}, [link()])

    assert fields["subject"] == "s"
    assert fields["body_text"] == (
        "Good day\n\n---\n"
        "This attachment is too large to be sent by mail. You can download it here:\n\n"
        f"offer.pdf (12.3 MB)\n{URL}\n\n"
        "Available until 21 December 2025.\n"
    )
    assert read_bodies(fields) == (fields["body_text"], None)


def test_html_gets_them_before_its_end():
    fields = with_links({"body_html": "<html><body><p>Hi</p></BODY></html>"}, [link(), link("b")])
    html = fields["body_html"]
    seen = Seen()
    seen.feed(html)

    assert html.startswith("<html><body><p>Hi</p>\n<hr>")
    assert html.endswith("</div>\n</BODY></html>")
    assert seen.tags[2:] == ["p", "hr", "div", "p", "b", "ul", "li", "a", "li", "a", "p", "small"]
    assert seen.hrefs == [URL, URL]
    assert "These attachments are too large" in seen.text


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p>x</p>", "<p>x</p>|"),
        ("<p>x</p></html>", "<p>x</p>|</html>"),
        ("İ<body>x</body><!-- </body> -->", "İ<body>x|</body><!-- </body> -->"),
    ],
)
def test_html_without_a_body_gets_them_at_its_end(html, expected):
    found = with_links({"html": html, "text": "t"}, [link()])["body_html"]
    before, after = expected.split("|")

    assert found.startswith(before + "\n<hr>")
    assert found.endswith("</div>\n" + after)


def test_both_bodies_get_them():
    fields = with_links({"text": "t", "html": "<p>h</p>"}, [link()])

    text, html = read_bodies(fields)
    assert URL in text
    assert URL in html


def test_a_mail_without_a_body_gets_a_text():
    fields = with_links({"subject": "s"}, [link()])

    assert read_bodies(fields)[1] is None
    assert fields["body_text"].startswith("---\nThis attachment")


@pytest.mark.parametrize(
    ("body", "kind"), [("<p>x</p>", {"content_type": "html"}), ("<p>x</p>", {"html": True})]
)
def test_a_body_that_is_html_stays_html(body, kind):
    fields = with_links({"body": body, **kind}, [link()])

    assert read_bodies(fields)[0] is None
    assert read_bodies(fields)[1].startswith("<p>x</p>")


HOSTILE = '"><script>alert(1)</script>&\u202egpj.exe'


def test_a_hostile_name_is_text_for_every_reader():
    fields = with_links({"text": "t", "html": "<p>h</p>"}, [link(HOSTILE)])
    seen = Seen()
    seen.feed(fields["body_html"])

    assert "script" not in seen.tags
    assert "alert(1)" in seen.text
    assert "\u202e" not in fields["body_html"] + fields["body_text"]


@given(st.text(min_size=1, max_size=60).filter(lambda name: "\n" not in name))
def test_no_name_makes_a_tag_or_a_line(name):
    fields = with_links({"text": "t", "html": "h"}, [link(name)])
    plain = with_links({"text": "t", "html": "h"}, [link("x")])
    seen, expected = Seen(), Seen()
    seen.feed(fields["body_html"])
    expected.feed(plain["body_html"])

    assert seen.tags == expected.tags
    assert seen.hrefs == [URL]
    assert fields["body_text"].count("\n") == plain["body_text"].count("\n")


@pytest.mark.parametrize(
    ("headers", "html", "language"),
    [
        ({"Content-Language": "de-AT"}, None, "de"),
        ({"content-language": "it, en"}, '<html lang="fr">', "it"),
        ({}, '<!doctype html><HTML class="x" LANG=fr-CA>', "fr"),
        (None, "<html xml:lang='es'>", "es"),
        (None, '<html lang="pt-BR">', "pt"),
        (None, '<html lang="nl">', "nl"),
        ({"Content-Language": "xx"}, None, "en"),
        (None, '<html data-lang="de">', "en"),
        (None, '<p lang="de">', "en"),
        (None, None, "en"),
    ],
)
def test_the_language_is_that_of_the_mail(headers, html, language):
    assert language_of(headers, html) == language


@pytest.mark.parametrize(
    ("language", "size", "date"),
    [
        ("en", "12.3 MB", "21 December 2025"),
        ("it", "12,3 MB", "21/12/2025"),
        ("de", "12,3 MB", "21.12.2025"),
        ("fr", "12,3 MB", "21/12/2025"),
        ("es", "12,3 MB", "21/12/2025"),
        ("pt", "12,3 MB", "21/12/2025"),
        ("nl", "12,3 MB", "21-12-2025"),
    ],
)
def test_sizes_and_dates_are_written_as_the_language_does(language, size, date):
    headers = {"Content-Language": language}
    text = with_links({"body": "x", "headers": headers}, [link()])["body_text"]

    assert f"({size})" in text
    assert date in text


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        (0, "1 KB"),
        (1500, "1 KB"),
        (640 * 1024, "640 KB"),
        (1023 * 1024, "1.0 MB"),
        (25 * 2**20, "25.0 MB"),
        (1023 * 2**20, "1.0 GB"),
        (5000 * 2**30, "5000.0 GB"),
    ],
)
def test_sizes_are_short(size, shown):
    assert human_size(size) == shown


def test_the_date_is_the_last_day_on_which_the_link_works():
    assert human_date(UNTIL) == "21 December 2025"
    assert human_date(UNTIL + 1) == "22 December 2025"


def test_of_several_links_the_first_to_end_is_told():
    sooner = Link("b", 1, URL, UNTIL - 3 * DAY)

    assert "18 December" in with_links({"body": "x"}, [link(), sooner])["body_text"]


@pytest.mark.parametrize("piece", ["<!--", "<!-->", "</body ", "</html\n", "<html ", " lang=  "])
def test_the_time_grows_with_the_body_and_not_with_its_square(piece):
    html = "<html " + piece * (2**19 // len(piece))
    begun = time.process_time()
    with_links({"html": html}, [link()])
    assert time.process_time() - begun < 2  # minutes, if it were the square


@pytest.mark.parametrize(
    ("html", "before"),
    [
        ("<body>x</body><!-- </body> --> ", "<body>x"),
        ("<body>x<!-- </body> --></BODY >", "<body>x<!-- </body> -->"),
        ("<p>x<!-- </body></html>", "<p>x<!-- "),
        ("<body>x<!-- a --><!-- </body> --></html>", "<body>x<!-- a --><!-- </body> -->"),
    ],
)
def test_the_links_stand_before_the_end_that_is_in_no_comment(html, before):
    made = with_links({"html": html}, [link()])["body_html"]
    assert made.startswith(before + "\n<hr>")
    assert made.endswith(html.removeprefix(before))
