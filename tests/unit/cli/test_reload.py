from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mail_proxy.cli.reload import run_reloading


@pytest.mark.slow
def test_reload_starts_again_when_the_code_changes(tmp_path: Path) -> None:
    watched = tmp_path / "code"
    watched.mkdir()
    runs = tmp_path / "runs"
    # The first run changes the code and waits to be ended; the second ends by itself.
    program = (
        "import pathlib, sys, time\n"
        f"runs = pathlib.Path({str(runs)!r}); again = runs.exists()\n"
        "runs.touch()\n"
        "if again: sys.exit(3)\n"
        f"pathlib.Path({str(watched)!r}, 'new.py').touch()\n"
        "time.sleep(60)\n"
    )
    told: list[str] = []
    code = run_reloading([sys.executable, "-c", program], {}, tell=told.append, folder=watched)
    assert code == 3
    assert told == ["The code changed: starting again"]
