"""`accounts check` on a terminal that is not wide."""

from __future__ import annotations

from tests.unit.cli.conftest import NOW

REPORT = {
    "host": "smtp.example.com",
    "port": 587,
    "greeting": "smtp.example.com ESMTP",
    "tls_version": "TLSv1.3",
    "cipher": "TLS_AES_256_GCM_SHA384",
    "certificate_expires_at": NOW + 86400 * 60,
    "login": "accepted",
    "timings_s": {"connect": 0.012, "tls": 0.03, "auth": 0.1},
}


def test_on_a_narrow_terminal_what_is_offered_is_cut_between_words(cli, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    offered = {"8BITMIME": "", "AUTH": "PLAIN LOGIN", "PIPELINING": "", "SIZE": "52428800"}
    cli.instance("my").report = REPORT | {"capabilities": offered}
    lines = cli("my", "acme", "accounts", "check", "main", tty=True).out.splitlines()
    assert all(len(line) <= 60 for line in lines)
    at = lines.index("  offers   8BITMIME, AUTH PLAIN LOGIN, PIPELINING, SIZE")
    assert lines[at + 1] == "           52428800"
