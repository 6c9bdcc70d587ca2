"""What a command may import; a fast start is a count of modules, not a matter of luck."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("asyncio", "pydantic", "rich", "httpx", "aiohttp", "textual", "prompt_toolkit")
HEAVY_TOO = (*HEAVY, "sqlalchemy", "cryptography", "ssl", "prometheus_client", "email")

_CODE = """
import sys
from mail_proxy.cli.main import run
code = run(sys.argv[1:])
names = {name.split(".")[0] for name in sys.modules}
print(code, len(sys.modules), *sorted(names), file=sys.stderr)
"""


def imported(home: Path, *argv: str) -> tuple[int, int, set[str]]:
    """Exit code, number of modules, their top names, after a command in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", _CODE, *argv],
        env={"MAIL_PROXY_HOME": str(home), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    code, count, *names = done.stderr.splitlines()[-1].split()
    return int(code), int(count), set(names)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "my").mkdir()
    (tmp_path / "my" / "config.toml").write_text("")
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize(
    "line",
    ["--help", "list", "status my", "my --help", "my acme accounts add --help", "version"],
)
def test_a_small_command_imports_nothing_heavy(home: Path, line: str) -> None:
    code, count, names = imported(home, *line.split())
    assert code in (0, 3)
    assert names.isdisjoint(HEAVY_TOO)
    # Measured 234 for --help on CPython 3.11; each hundred modules cost about 30 ms.
    assert count < 300


@pytest.mark.slow
def test_an_error_with_its_guess_imports_nothing_heavy(home: Path) -> None:
    code, _, names = imported(home, "mi", "info")
    assert code == 4
    assert names.isdisjoint(HEAVY_TOO)
