from __future__ import annotations

import pytest

from mail_proxy.domain.report_url import report_url


@pytest.mark.parametrize(
    ("base_url", "sync_path", "url"),
    [
        ("https://app.example.com", None, "https://app.example.com/mail-proxy/sync"),
        ("https://app.example.com/", "", "https://app.example.com/mail-proxy/sync"),
        ("https://app.example.com/x/", "/mail/reports", "https://app.example.com/x/mail/reports"),
    ],
)
def test_reports_go_below_the_url_of_the_application(
    base_url: str, sync_path: str | None, url: str
) -> None:
    assert report_url(base_url, sync_path) == url
