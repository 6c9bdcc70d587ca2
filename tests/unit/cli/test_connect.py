"""`connect`: what the REPL is asked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mail_proxy.cli.doors import Session


@pytest.fixture(autouse=True)
def _instance(cli: Any) -> None:
    cli.instance("my")


def sessions(cli: Any) -> list[Session]:
    """That were opened, each on the instance that is there."""
    assert {instance.name for instance, _ in cli.faces.opened} <= {"my"}
    return [session for _, session in cli.faces.opened]


def test_it_opens_the_instance_and_ends_as_the_session_does(cli: Any) -> None:
    cli.faces.code = 4
    ran = cli("my", "connect")
    assert (ran.code, ran.err) == (4, "")
    assert sessions(cli) == [Session()]


def test_its_options_reach_the_session(cli: Any) -> None:
    cli("my", "connect", "-c", "1", "--plain", "--print-http")
    assert sessions(cli) == [Session(code="1", is_plain=True, shows_http=True)]


def test_a_file_is_run(cli: Any, tmp_path: Path) -> None:
    path = tmp_path / "x.py"
    path.write_text("")
    cli("my", "connect", str(path))
    assert [session.file for session in sessions(cli)] == [str(path)]


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (("-c", "1", "x.py"), "give -c CODE or a file, not both"),
        (("absent.py",), "there is no file absent.py"),
        (("--url", "http://h"), "--token-file, or GMP_API_TOKEN"),
        (("--url", "http://h", "--token-file", "absent"), "cannot read absent: No such file"),
    ],
)
def test_a_line_that_cannot_be_meant_opens_nothing(
    cli: Any, argv: tuple[str, ...], told: str
) -> None:
    ran = cli("my", "connect", *argv)
    assert ran.code == 2
    assert told in ran.err
    assert sessions(cli) == []


def test_an_absent_instance_is_told(cli: Any) -> None:
    assert cli("other", "connect").code == 4
    assert sessions(cli) == []


def test_a_daemon_elsewhere_takes_its_token_of_a_file_or_the_environment(
    cli: Any, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("mp_of_a_file\n")
    cli("my", "connect", "--url", "http://h", "--token-file", str(tmp_path / "token"))
    cli.environ["GMP_API_TOKEN"] = "mp_of_the_environment"
    cli("my", "connect", "--url", "http://h")
    tokens = [session.token for session in sessions(cli)]
    assert tokens == ["mp_of_a_file", "mp_of_the_environment"]
    assert "mp_of" not in repr(sessions(cli))


def test_a_token_on_the_line_is_warned_of(cli: Any) -> None:
    ran = cli("my", "connect", "--url", "http://h", "--token", "mp_x")
    assert "--token shows the token to everyone who can list processes; use --token-file" in ran.err


def test_a_file_of_a_token_is_looked_at_as_those_of_passwords_are(
    cli: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    path = tmp_path / "token"
    path.write_text(" mp_at_home \nmore\n")
    path.chmod(0o644)
    ran = cli("my", "connect", "--url", "http://h", "--token-file", "~/token")
    assert sessions(cli)[0].token == "mp_at_home"
    assert f"{path} can be read by others" in ran.err
    cli("my", "connect", "--url", "http://h", "--token-file", "-", piped="mp_of_stdin\n")
    assert sessions(cli)[1].token == "mp_of_stdin"
    path.write_text("\n")
    ran = cli("my", "connect", "--url", "http://h", "--token-file", str(path))
    assert (ran.code, "--url needs a token" in ran.err) == (2, True)


_CODE = """
import sys
from mail_proxy.__main__ import OtherFaces
from mail_proxy.cli.main import run
code = run(["my", "connect", "-c", "MailProxyClient"], faces=OtherFaces())
print(code, *sorted({name.split(".")[0] for name in sys.modules}), file=sys.stderr)
"""


@pytest.mark.slow
def test_a_script_loads_no_screen_and_no_client_of_a_network(tmp_path: Path) -> None:
    (tmp_path / "my").mkdir()
    (tmp_path / "my" / "config.toml").write_text("")
    done = subprocess.run(
        [sys.executable, "-c", _CODE],
        env={"MAIL_PROXY_HOME": str(tmp_path), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    code, *names = done.stderr.splitlines()[-1].split()
    assert code == "0"
    heavy = {"httpx", "rich", "pydantic", "prompt_toolkit", "ptpython", "textual", "sqlalchemy"}
    assert heavy.isdisjoint(names)
