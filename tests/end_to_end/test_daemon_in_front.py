"""A daemon in front of the terminal whose start is refused."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest

from mail_proxy.config.instances import Instance

pytestmark = pytest.mark.slow

PATIENCE_S = 60.0


def test_in_front_a_refusal_is_one_line_and_exit_code_1(
    instance: Instance, environ: dict[str, str]
) -> None:
    ended = subprocess.run(
        [sys.executable, "-P", "-m", "mail_proxy.daemon", "myserver"],
        env={**environ, "GMP_PORT": "eighty"},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )

    assert (ended.returncode, ended.stdout) == (1, "")
    (line,) = ended.stderr.splitlines()
    assert "ERROR daemon_failed" in line
    assert "GMP_PORT must be a whole number" in line
    assert not instance.folder.exists()


@pytest.mark.parametrize("is_new", [True, False])
@pytest.mark.parametrize("why", ["setting", "port"])
def test_a_first_start_in_front_that_is_refused_leaves_nothing_of_what_it_made(
    why: str, is_new: bool, instance: Instance, environ: dict[str, str]
) -> None:
    if not is_new:
        instance.folder.mkdir(parents=True, mode=0o700)
        (instance.folder / "mine").write_text("kept")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = "eighty" if why == "setting" else str(taken.getsockname()[1])
        ended = subprocess.run(
            [sys.executable, "-P", "-m", "mail_proxy", "start", instance.name, "--foreground"],
            env={**environ, "GMP_PORT": port},
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )

    assert ended.returncode == 1
    assert "ERROR daemon_failed" in ended.stderr
    assert instance.folder.exists() is not is_new
