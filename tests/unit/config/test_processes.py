from __future__ import annotations

import os
import subprocess
from dataclasses import replace

import pytest

from mail_proxy.config.processes import Process, find_process, this_process


def test_a_process_is_itself() -> None:
    assert find_process(os.getpid()) == this_process()
    assert this_process().is_alive()


def test_a_later_process_with_the_same_pid_is_another() -> None:
    earlier = replace(this_process(), birth="another boot:1")

    assert not earlier.is_alive()


def test_a_pid_that_nobody_has_is_no_process() -> None:
    assert find_process(2**22 + 1) is None
    assert not Process(2**22 + 1, "").is_alive()


def test_a_zombie_is_not_alive() -> None:
    with subprocess.Popen(["true"]) as child:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)

        assert find_process(child.pid) is None


@pytest.mark.parametrize("name", ["a) S 1 (b", "x y"])
def test_a_name_with_parentheses_does_not_mislead(name: str) -> None:
    with subprocess.Popen(
        ["bash", "-c", f"printf %s '{name}' > /proc/$$/comm; echo ok; read"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        found = find_process(child.pid)
        again = find_process(child.pid)

    assert found is not None
    assert found == again
    assert found.birth.rpartition(":")[2].isdigit()
    assert int(found.birth.rpartition(":")[2]) > 0
