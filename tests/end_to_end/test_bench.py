"""`mail-proxy bench` as a process: a whole document, and nothing left behind. Speed is no test."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mail_proxy.bench import FIGURES, MEASURES
from tests.faults.profile import program

COMMAND = [sys.executable, "-m", "mail_proxy", "bench", "--messages", "200", "--runs", "1"]
PATIENCE_S = 300.0
END_S = 2.0
ROOT = Path(__file__).parents[2]
OF_DASHBOARD = ("watched_", "top_cpu", "top_mb", "top_key")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where a bench makes its folders; a part of the command line of all its processes."""
    made = tmp_path / "place"
    made.mkdir()
    return made


@pytest.fixture
def environ(place: Path) -> dict[str, str]:
    return {**os.environ, "TMPDIR": str(place)}


def processes_of(place: Path) -> Iterator[int]:
    """Those that were given this TMPDIR, by whatever way they were started."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment = (process / "environ").read_bytes()
        except OSError:
            continue  # ended, or another user's
        if f"TMPDIR={place}".encode() in environment.split(b"\0"):
            yield int(process.name)


ONCE = ("scale", "dashboard")  # beside each other: each takes a while


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("once", ONCE)
def test_a_small_bench_gives_a_full_document_and_leaves_nothing(
    once: str, place: Path, environ: dict[str, str]
) -> None:
    only = [*(set(MEASURES) - set(ONCE)), once] if once == "scale" else [once]
    done = subprocess.run(
        [*COMMAND, "--smtp-sink", "builtin", "--only", ",".join(only), "--json"],
        env=environ,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    expected = {f.name for f in FIGURES if f.name.startswith(OF_DASHBOARD) == (once == "dashboard")}
    assert {figure["name"] for figure in document["figures"]} == expected
    assert all(figure["median"] > 0 for figure in document["figures"])
    assert document["machine"]["mail_server"] == "builtin"
    for check in document["checks"]:
        assert min(check["messages"], check["reports"]) > 4 * 200  # drained, and by two raw clients
        assert check["bytes"] > check["messages"] * 2048 * 0.95
    assert len(document["checks"]) == (once != "dashboard")  # one for each run
    assert list(place.iterdir()) == []
    assert list(processes_of(place)) == []


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_an_interrupted_bench_ends_all_that_it_started(
    place: Path, environ: dict[str, str]
) -> None:
    with subprocess.Popen(
        [*COMMAND, "--messages", "100000"],
        env=environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    ) as running:
        assert running.stderr is not None
        said = [running.stderr.readline() for _ in range(3)]
        assert said[2] == "run 1 of 1: accept\n"  # so the daemon and all others are there
        assert len(list(processes_of(place))) > 3
        began = time.monotonic()
        os.killpg(running.pid, signal.SIGINT)  # as a terminal does
        assert running.wait(PATIENCE_S) == 130
        assert time.monotonic() - began < END_S
    assert list(place.iterdir()) == []
    assert list(processes_of(place)) == []


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_what_smtp_sink_reads_at_its_start_is_no_mail(environ: dict[str, str]) -> None:
    smtp_sink = program("smtp-sink", "postfix")
    done = subprocess.run(
        [*COMMAND, "--smtp-sink", smtp_sink, "--only", "pipelining", "--json"],
        env=environ,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0, done.stderr
    (check,) = json.loads(done.stdout)["checks"]
    assert check["messages"] == 0  # they go to other servers, far away
    assert check["bytes"] < 10_240


@pytest.mark.slow
def test_the_parts_are_measured_one_by_one(environ: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks", "--count", "100", "--depths", "100", "200"],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0, done.stderr
    assert [line.split(" us CPU")[0].split()[0] for line in done.stdout.splitlines()] == [
        *["compose,"] * 3,
        "transaction,",
        *["accept,", "claim,", "finish,"] * 2,
    ]
