"""`connect`: what the REPL is asked for."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mail_proxy.cli.doors import Session
from mail_proxy.cli.main import run
from mail_proxy.config.instances import Instance


class FakeFaces:
    """Remembers what was opened."""

    def __init__(self) -> None:
        self.opened: list[tuple[str, Session]] = []

    def repl(self, instance: Instance, environ: Mapping[str, str], session: Session) -> int:
        self.opened.append((instance.name, session))
        return 4

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"connect opens no {name}")


@pytest.fixture
def faces(cli: Any) -> FakeFaces:
    cli.instance("my")
    return FakeFaces()


def connect(cli: Any, faces: FakeFaces, *argv: str, **environ: str) -> tuple[int, str]:
    err = io.StringIO()
    code = run(
        ["my", "connect", *argv],
        doors=cli.doors,
        faces=faces,
        environ={**cli.environ, **environ},
        stdin=io.StringIO(),
        stdout=io.StringIO(),
        stderr=err,
    )
    return int(code), err.getvalue()


def test_it_opens_the_instance_and_ends_as_the_session_does(cli: Any, faces: FakeFaces) -> None:
    assert connect(cli, faces) == (4, "")
    assert faces.opened == [("my", Session())]


def test_its_options_reach_the_session(cli: Any, faces: FakeFaces) -> None:
    connect(cli, faces, "-c", "1", "--plain", "--print-http")
    assert faces.opened[0][1] == Session(code="1", is_plain=True, shows_http=True)


def test_a_file_is_run(cli: Any, faces: FakeFaces, tmp_path: Path) -> None:
    path = tmp_path / "x.py"
    path.write_text("")
    connect(cli, faces, str(path))
    assert faces.opened[0][1].file == str(path)


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (("-c", "1", "x.py"), "give -c CODE or a file, not both"),
        (("absent.py",), "there is no file absent.py"),
        (("--url", "http://h"), "--token-file, or GMP_API_TOKEN"),
        (("--url", "http://h", "--token-file", "absent"), "cannot read the token of absent"),
    ],
)
def test_a_line_that_cannot_be_meant_opens_nothing(
    cli: Any, faces: FakeFaces, argv: tuple[str, ...], told: str
) -> None:
    code, err = connect(cli, faces, *argv)
    assert code == 2
    assert told in err
    assert faces.opened == []


def test_an_absent_instance_is_told(cli: Any, faces: FakeFaces) -> None:
    code = run(["other", "connect"], doors=cli.doors, faces=faces, environ=cli.environ)
    assert code == 4
    assert faces.opened == []


def test_a_daemon_elsewhere_takes_its_token_of_a_file_or_the_environment(
    cli: Any, faces: FakeFaces, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("mp_of_a_file\n")
    connect(cli, faces, "--url", "http://h", "--token-file", str(tmp_path / "token"))
    connect(cli, faces, "--url", "http://h", GMP_API_TOKEN="mp_of_the_environment")
    assert [session.token for _, session in faces.opened] == [
        "mp_of_a_file",
        "mp_of_the_environment",
    ]
    assert "mp_of" not in repr(faces.opened)


def test_a_token_on_the_line_is_warned_of(cli: Any, faces: FakeFaces) -> None:
    _, err = connect(cli, faces, "--url", "http://h", "--token", "mp_x")
    assert "--token shows it to everybody" in err


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
