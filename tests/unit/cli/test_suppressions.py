"""`NAME TENANT suppressions ...`"""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def world(cli):
    made = cli.instance("my")
    made.suppressions = {"ann@example.org": "left", "bob@example.org": None}
    return made


def test_the_list_shows_address_and_reason(cli, world) -> None:
    out = cli("my", "acme", "suppressions", "list", tty=True).out
    assert "ann@example.org" in out
    assert "left" in out


def test_a_list_that_is_cut_says_so(cli, world) -> None:
    ran = cli("my", "acme", "suppressions", "list", "--limit", "1")
    assert "bob@example.org" not in ran.out
    assert "Only the first 1. All of them: --limit 0" in ran.err
    assert "Only" not in cli("my", "acme", "suppressions", "list", "--limit", "2").err


def test_an_empty_list_says_how_to_begin(cli, world) -> None:
    world.suppressions.clear()
    ran = cli("my", "acme", "suppressions", "list", tty=True)
    assert "mail-proxy my acme suppressions add ann@example.org" in ran.err


def test_what_is_exported_can_be_imported(cli, world, tmp_path) -> None:
    world.suppressions = {f"u{n:04}@example.org": "a, b" if n else None for n in range(2500)}
    exported = cli("my", "acme", "suppressions", "export").out
    assert exported.splitlines()[0] == "address,reason,created_at"
    before = dict(world.suppressions)
    world.suppressions.clear()
    path = tmp_path / "list.csv"
    path.write_text(exported)
    ran = cli("my", "acme", "suppressions", "import", str(path))
    assert ran.out == "Added 2500 addresses\n"
    assert world.suppressions == before


def test_a_domain_is_no_formula_in_a_spreadsheet_and_comes_back_whole(cli, world, tmp_path) -> None:
    world.suppressions = {"@example.net": "=1+1", "+tag@example.org": None}
    exported = cli("my", "acme", "suppressions", "export").out
    assert "'@example.net,'=1+1," in exported
    before = dict(world.suppressions)
    world.suppressions.clear()
    (tmp_path / "list.csv").write_text(exported)
    cli("my", "acme", "suppressions", "import", str(tmp_path / "list.csv"))
    assert world.suppressions == before


def test_an_export_can_be_json(cli, world) -> None:
    told = json.loads(cli("my", "acme", "suppressions", "export", "--json").out)
    assert [entry["address"] for entry in told] == ["ann@example.org", "bob@example.org"]


def test_addresses_are_added_with_their_reason(cli, world) -> None:
    ran = cli(
        "my", "acme", "suppressions", "add", "eve@example.org", "ann@example.org", "--reason", "x"
    )
    assert (ran.code, ran.out) == (0, "Added 1 address; 1 was there already\n")
    assert world.suppressions["eve@example.org"] == world.suppressions["ann@example.org"] == "x"


def test_what_is_no_address_is_told_and_the_exit_code_says_so(cli, world) -> None:
    ran = cli("my", "acme", "suppressions", "add", "eve@example.org", "none", "--json")
    assert ran.code == 6
    assert json.loads(ran.out)["rejected"][0]["address"] == "none"
    assert "'none' is not a mail address" in ran.err


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a@example.org\n\n  b@example.org  \n", {"a@example.org": "r", "b@example.org": "r"}),
        (
            "a@example.org,bounced\nb@example.org\n",
            {"a@example.org": "bounced", "b@example.org": "r"},
        ),
        ("reason,address\nbounced,a@example.org\n", {"a@example.org": "bounced"}),
        ('Address,Reason\r\na@example.org,"b, c"\r\n', {"a@example.org": "b, c"}),
        ("\ufeffaddress\na@example.org\n", {"a@example.org": "r"}),
    ],
)
def test_a_file_has_lines_or_columns(cli, world, tmp_path, text, expected) -> None:
    world.suppressions.clear()
    path = tmp_path / "list"
    path.write_bytes(text.encode())
    assert cli("my", "acme", "suppressions", "import", str(path), "--reason", "r").code == 0
    assert world.suppressions == expected


def test_a_file_that_is_not_there_or_empty_is_told(cli, world, tmp_path) -> None:
    ran = cli("my", "acme", "suppressions", "import", str(tmp_path / "none"))
    assert (ran.code, "No such file" in ran.err) == (1, True)
    (tmp_path / "empty").write_text("\n")
    assert cli("my", "acme", "suppressions", "import", str(tmp_path / "empty")).code == 2


def test_addresses_are_removed(cli, world) -> None:
    ran = cli("my", "acme", "suppressions", "remove", "ann@example.org", "eve@example.org")
    assert (ran.code, ran.out) == (6, "Removed 1 address\n")
    assert "not on the list: eve@example.org" in ran.err
    assert list(world.suppressions) == ["bob@example.org"]


def test_one_that_is_not_there_is_not_found(cli, world) -> None:
    ran = cli("my", "acme", "suppressions", "remove", "eve@example.org")
    assert (ran.code, "suppressions list" in ran.err) == (4, True)
