"""What becomes of attachments that are too large, and where they may be kept."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail_proxy.domain.attachment import Attachment, Mode
from mail_proxy.domain.errors import Invalid
from mail_proxy.domain.large_files import (
    DAY_S,
    MIB,
    Fate,
    LargeFilePolicy,
    Protocol,
    disposition,
    expires_at,
    fates,
    read_place,
    refusal,
    safe_name,
)


def attachment(name: str = "a.bin", content_id: str | None = None) -> Attachment:
    return Attachment(name, Mode.BASE64, content_id=content_id)


def policy(**config: object) -> LargeFilePolicy:
    return LargeFilePolicy.of({"enabled": True, "max_size_mb": 2, **config})


@pytest.mark.parametrize(
    ("url", "protocol", "bucket", "prefix"),
    [
        ("s3://bucket/some/prefix/", Protocol.S3, "bucket", "some/prefix"),
        ("s3://my.bucket-1", Protocol.S3, "my.bucket-1", ""),
        ("gs://bucket", Protocol.GS, "bucket", ""),
        ("az://container/x", Protocol.AZ, "container", "x"),
        ("abfs://container/x", Protocol.AZ, "container", "x"),
        ("file:///srv/mail files", Protocol.FILE, "", "/srv/mail files"),
        ("file://", Protocol.FILE, "", ""),
    ],
)
def test_a_place_is_read_from_its_url(url, protocol, bucket, prefix):
    place = read_place(url)

    assert (place.protocol, place.bucket, place.prefix) == (protocol, bucket, prefix)


HOSTILE = [
    "ssh://host/path",
    "github://org:repo@main/x",
    "http://169.254.169.254/latest",
    "https://example.com/x",
    "reference://x",
    "memory://x",
    "simplecache::s3://bucket/x",
    "s3://bucket/x::file:///etc",
    "filecache::file:///etc/passwd",
    "s3://key:secret@bucket/x",
    "abfs://container@account.dfs.core.windows.net/x",
    "s3://bucket/../other",
    "s3://bucket/a/./b",
    "s3://bucket/a//b",
    "s3://bucket/x?versionId=1",
    "s3://bucket/x#f",
    "s3://bucket/%2e%2e/x",
    "s3://bucket/a*b",
    "s3://bucket/a b",
    "s3://bucket/a\nb",
    "s3:///x",
    "s3://",
    "S3://bucket",
    "s3://a..b/x",
    "s3://UPPER/x",
    "file://host/path",
    "file://relative",
    "file:///",
    "file:///srv/../etc",
    "file:///srv/\0x",
    "file:/srv",
    "/srv/files",
    "s3://bucket\\x",
    "",
]


@pytest.mark.parametrize("url", HOSTILE)
def test_any_other_place_is_refused_by_its_field(url):
    with pytest.raises(Invalid) as caught:
        read_place(url, field="large_file_config.storage_url")

    assert caught.value.field == "large_file_config.storage_url"


@pytest.mark.parametrize(
    ("config", "size", "fate"),
    [
        ({"action": "reject"}, 2 * MIB, Fate.KEEP),  # the limit itself is not over it
        ({"action": "reject"}, 2 * MIB + 1, Fate.REJECT),
        ({"action": "rewrite"}, 2 * MIB + 1, Fate.REWRITE),
        ({"action": "warn"}, 2 * MIB + 1, Fate.WARN),
        ({}, 2 * MIB + 1, Fate.WARN),
        ({"action": "reject", "enabled": False}, 99 * MIB, Fate.KEEP),
    ],
)
def test_each_attachment_is_judged_by_its_own_size(config, size, fate):
    assert fates(policy(**config), [attachment(), attachment()], [size, 1], None) == (
        fate,
        Fate.KEEP,
    )


def test_without_a_configuration_everything_stays():
    assert fates(LargeFilePolicy.of(None), [attachment()], [10**12], None) == (Fate.KEEP,)


@pytest.mark.parametrize(
    ("html", "fate"),
    [
        ('<img src="cid:logo@shop">', Fate.WARN),
        ("<img src='CID:logo%40shop'>", Fate.WARN),
        ('<img src="cid:logo@shop.old">', Fate.REWRITE),
        ("<p>no image</p>", Fate.REWRITE),
        (None, Fate.REWRITE),
    ],
)
def test_an_image_that_the_html_shows_stays_in_the_mail(html, fate):
    shown = attachment("logo.png", "logo@shop")

    assert fates(policy(action="rewrite"), [shown], [3 * MIB], html) == (fate,)
    assert fates(policy(action="reject"), [shown], [3 * MIB], html) == (Fate.REJECT,)


def test_a_refusal_names_file_size_and_limit():
    said = refusal("big.zip", int(12.34 * MIB), policy(max_size_mb=10.0))

    assert said == "Attachment 'big.zip' (12.3 MB) exceeds limit (10 MB)"
    assert refusal("b", 3 * MIB, policy(max_size_mb=2.5)).endswith("limit (2.5 MB)")


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("offer 2026.pdf", "offer_2026.pdf"),
        ("Übersicht.xlsx", "Ubersicht.xlsx"),
        ("../../etc/passwd", "file.etc_passwd"),
        ("..", "file"),
        ("文件.pdf", "file.pdf"),
        (".bashrc", "file.bashrc"),
        ("a.tar.gz", "a.tar.gz"),
        ("x" * 300 + ".pdf", "x" * 96 + ".pdf"),
        ('<script>alert("x")</script>.html', "script_alert_x_script.html"),
    ],
)
def test_a_stored_name_is_plain(name, safe):
    assert safe_name(name) == safe


@given(st.text(min_size=1, max_size=300))
def test_any_name_has_a_plain_one(name):
    safe = safe_name(name)

    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", safe), safe


@given(st.text(min_size=1, max_size=100))
def test_a_disposition_is_one_line_of_ascii_whatever_the_name(name):
    header = disposition(name)

    assert header.isascii()
    assert header.isprintable()
    assert header.startswith('attachment; filename="')


def test_a_disposition_has_the_true_name_too():
    assert disposition('a "b" é.pdf') == (
        "attachment; filename=\"a_b_e.pdf\"; filename*=UTF-8''a%20%22b%22%20%C3%A9.pdf"
    )


@given(st.floats(1.6e9, 4e9), st.integers(1, 400))
def test_a_link_lasts_for_whole_days_and_not_a_day_longer(now, days):
    until = expires_at(now, days * DAY_S)

    assert until % DAY_S == 0
    assert days * DAY_S < until - now <= (days + 1) * DAY_S
