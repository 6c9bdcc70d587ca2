"""`completion`: scripts printed, and put where shells look, by nobody else's files."""

from __future__ import annotations

from pathlib import Path

import pytest

from mail_proxy.completion.scripts import SHELLS, pages, script


@pytest.mark.parametrize("shell", list(SHELLS))
def test_a_script_is_printed_as_it_is(cli, shell: str) -> None:
    assert cli("completion", shell).out == script(shell).read_text()
    assert cli("completion", shell, "--json").json["script"] == script(shell).read_text()


@pytest.mark.parametrize("shell", list(SHELLS))
def test_no_script_evaluates_anything(shell: str) -> None:
    words = script(shell).read_text().split()
    assert "eval" not in words


def test_install_writes_the_script_of_the_shell_and_the_manual(cli, tmp_path: Path) -> None:
    cli.environ |= {"HOME": str(tmp_path), "SHELL": "/usr/bin/zsh"}
    ran = cli("completion", "install")
    data = tmp_path / ".local/share"
    assert (data / "zsh/site-functions/_mail-proxy").read_bytes() == script("zsh").read_bytes()
    written = {path.name for path in (data / "man").rglob("*") if path.is_file()}
    assert written == {page.name for page in pages()}
    assert f"fpath=({data}/zsh/site-functions $fpath)" in ran.err
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == []


def test_install_follows_xdg_and_names_its_files_in_json(cli, tmp_path: Path) -> None:
    cli.environ |= {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "da ta")}
    told = cli("completion", "install", "--shell", "bash", "--json").json
    target = tmp_path / "da ta/bash-completion/completions/mail-proxy"
    assert told["files"][0] == str(target)
    assert target.exists()
    assert told["line"] == f"source '{target}'"
    cli.environ["XDG_DATA_HOME"] = "not/absolute"
    cli("completion", "install", "--shell", "fish")
    assert (tmp_path / ".local/share/fish/vendor_completions.d/mail-proxy.fish").exists()


def test_a_dry_run_writes_nothing(cli, tmp_path: Path) -> None:
    cli.environ |= {"HOME": str(tmp_path), "SHELL": "/bin/bash"}
    assert cli("completion", "install", "--dry-run").out.startswith("would write ")
    assert not (tmp_path / ".local").exists()


def test_another_shell_must_be_named(cli) -> None:
    cli.environ["SHELL"] = "/bin/tcsh"
    ran = cli("completion", "install")
    assert ran.code == 2
    assert "--shell" in ran.err


def test_a_folder_that_cannot_be_written_is_told(cli, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cli.environ |= {"XDG_DATA_HOME": str(tmp_path / "file"), "SHELL": "/bin/bash"}
    ran = cli("completion", "install")
    assert ran.code == 1
    assert str(tmp_path / "file") in ran.err
