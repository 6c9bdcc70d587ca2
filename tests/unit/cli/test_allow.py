"""`allow` edits config.toml, which a real start reads."""

from __future__ import annotations

import pytest

from mail_proxy.config.instances import instance_named
from mail_proxy.config.load import load_settings


def allowed(cli) -> tuple[str, ...]:
    return load_settings(instance_named("my", cli.root), {}).allowed_networks


def test_what_is_allowed_is_what_the_next_start_reads(cli) -> None:
    cli.instance("my")
    assert cli("my", "allow").out == "Nothing is allowed.\n"
    ran = cli("my", "allow", "10.1.0.0/16", "Files.Internal")
    assert (ran.code, ran.out) == (0, "Allowed: 10.1.0.0/16, files.internal\n")
    assert "mail-proxy restart my" in ran.err
    cli("my", "allow", "fd00::/8,10.1.0.0/16")
    assert allowed(cli) == ("10.1.0.0/16", "files.internal", "fd00::/8")
    assert cli("my", "allow", "--json").json["allowed_networks"] == list(allowed(cli))


def test_what_was_allowed_can_be_taken_back(cli) -> None:
    cli.instance("my", running=False)
    cli("my", "allow", "10.0.0.0/8", "a.internal")
    ran = cli("my", "allow", "--remove", "10.0.0.0/8")
    assert ran.err == ""
    assert allowed(cli) == ("a.internal",)
    ran = cli("my", "allow", "--remove", "b.internal")
    assert (ran.code, ran.err.splitlines()) == (
        4,
        ["error: not in the list: b.internal", "  try: mail-proxy my allow"],
    )


@pytest.mark.parametrize("entry", ["10.0.0.1/8", "*.internal", "http://x/", "127.1", "a b"])
def test_what_is_no_network_is_refused_and_nothing_changes(cli, entry: str) -> None:
    cli.instance("my")
    ran = cli("my", "allow", entry)
    assert ran.code == 2
    assert "networks as 10.0.0.0/8, addresses or host names" in ran.err
    assert allowed(cli) == ()


def test_a_variable_that_wins_is_told(cli) -> None:
    cli.instance("my")
    cli.environ["GMP_ALLOWED_NETWORKS"] = "a"
    ran = cli("my", "allow", "10.0.0.0/8")
    assert "GMP_ALLOWED_NETWORKS is set and wins over config.toml" in ran.err
