"""How long the tests of the promises run: a short profile with every run, all of it in a soak."""

from __future__ import annotations

import os
import random
import shutil
from typing import NoReturn, TypeVar

import pytest

_T = TypeVar("_T")

SOAK = os.environ.get("MAIL_PROXY_SOAK") == "1"


def sized(short: _T, full: _T) -> _T:
    return full if SOAK else short


def seeded(name: str) -> random.Random:
    """Chance that can be had again: MAIL_PROXY_SEED, else 1; the seed is printed."""
    seed = os.environ.get("MAIL_PROXY_SEED", "1")
    print(f"{name}: MAIL_PROXY_SEED={seed}")
    return random.Random(f"{name} {seed}")


def lacks(what: str) -> NoReturn:
    """Skip for want of a tool; on the server, which installs them all, that is a failure."""
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)


def program(name: str, package: str) -> str:
    """Its path, also where that of a service is not in PATH; else the test lacks it.

    package: Debian's that has it.
    """
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin")
    return path or lacks(f"needs {name}: apt-get install {package}")
