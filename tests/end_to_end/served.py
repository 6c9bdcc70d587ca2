"""A daemon as a process, asked as programs ask it."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from mail_proxy.config.instances import Instance
from mail_proxy.control.process import start_daemon
from tests.faults.installation import end, environment

ADMIN_TOKEN = "the-admins-token"
PATIENCE_S = 120.0
NOWHERE = "127.9.9.9"  # an address of this machine where nobody listens


class Served:
    """tokens: by who asks; None is nobody."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.tokens: dict[str, str | None] = {"admin": ADMIN_TOKEN, "nobody": None, "wrong": "x"}
        self._session = requests.Session()

    def request(
        self, method: str, target: str, body: bytes | str | None = None, *, who: str = "admin"
    ) -> requests.Response:
        token = self.tokens[who]
        headers = {} if token is None else {"X-API-Token": token}
        return self._session.request(
            method,
            self.url + target,
            data=body,
            headers=headers,
            timeout=PATIENCE_S,
            allow_redirects=False,
        )

    def request_id(self, given: str | None) -> str:
        """Of the answer to a request with that one, or with none."""
        headers = {} if given is None else {"X-Request-ID": given}
        answer = self._session.get(f"{self.url}/health", headers=headers, timeout=PATIENCE_S)
        return answer.headers["X-Request-ID"]

    def ask(
        self, method: str, target: str, body: Any = None, *, who: str = "admin"
    ) -> dict[str, Any]:
        """The answer. Raises AssertionError for a failure."""
        token = self.tokens[who]
        headers = {} if token is None else {"X-API-Token": token}
        answer = self._session.request(
            method, self.url + target, json=body, headers=headers, timeout=PATIENCE_S
        )
        found: dict[str, Any] = answer.json()
        assert answer.status_code == 200, found
        return found

    def post(self, *messages: Any, who: str = "tenant") -> requests.Response:
        token = self.tokens[who]
        return self._session.post(
            f"{self.url}/commands/add-messages",
            json={"messages": list(messages)},
            headers={"X-API-Token": str(token)},
            timeout=PATIENCE_S,
        )


@contextmanager
def served(home: Path, **environ: str) -> Iterator[Served]:
    """A new instance whose admin token is known; it is ended afterwards."""
    instance = Instance("served", home / "served")
    given = {**environment(home), "GMP_API_TOKEN": ADMIN_TOKEN, **environ}
    info = start_daemon(instance, port=0, environ=given, timeout_s=PATIENCE_S)
    try:
        yield Served(info.url)
    finally:
        end(instance)


@contextmanager
def in_front(folder: Path, given: dict[str, str]) -> Iterator[Served]:
    """`serve` in that folder, with nothing but `given` in its environment."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    environ = {**environment(folder / "home"), **given, "GMP_PORT": str(port)}
    with (folder / "out.txt").open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "mail_proxy", "serve"],
            env=environ,
            cwd=folder,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        running = Served(f"http://127.0.0.1:{port}")
        deadline = time.monotonic() + PATIENCE_S
        while not _answers(running):
            assert process.poll() is None, (folder / "out.txt").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield running
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def _answers(running: Served) -> bool:
    try:
        return running.request("GET", "/health", who="nobody").ok
    except requests.ConnectionError:
        return False


def mail(name: str, **fields: Any) -> dict[str, Any]:
    return {
        "id": name,
        "account_id": "main",
        "from": "hello@example.com",
        "to": "ann@example.org",
        "subject": "Hello",
        **fields,
    }
