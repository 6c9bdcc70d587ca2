"""The lock between processes, and what it says of its holder."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mail_proxy.config.lock import DatabaseLock, StateLock, daemon_of, holder, holder_of
from mail_proxy.config.processes import this_process
from mail_proxy.domain.errors import ConfigurationError, Locked
from tests.patience import PATIENCE_S

HOLD = """
import sys
from pathlib import Path
from mail_proxy.config.lock import DatabaseLock
DatabaseLock(Path(sys.argv[1])).acquire("backup")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "mail_service.db"


@contextmanager
def held_elsewhere(database: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(database)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def test_the_lock_of_another_process_names_it(database: Path) -> None:
    with held_elsewhere(database) as process:
        with pytest.raises(Locked) as caught:
            DatabaseLock(database).acquire("list")

        assert caught.value.holder.startswith(f"pid {process.pid} (backup, since 20")
        assert holder(database) == caught.value.holder
        assert str(database) in str(caught.value)


def test_a_killed_holder_holds_no_longer(database: Path) -> None:
    with held_elsewhere(database) as process:
        process.send_signal(signal.SIGKILL)
        process.wait(PATIENCE_S)

        assert holder(database) is None
        with DatabaseLock(database).acquire("list") as lock:
            assert lock.is_held


def test_nobody_holds_what_is_not_there(database: Path) -> None:
    assert holder(database) is None
    assert list(database.parent.iterdir()) == []


def test_a_released_lock_can_be_taken_again(database: Path) -> None:
    lock = DatabaseLock(database)
    for _ in range(2):
        lock.acquire("list")
        assert holder(database) is not None
        lock.release()
        assert holder(database) is None
    lock.release()


def test_the_same_process_cannot_take_it_twice(database: Path) -> None:
    with DatabaseLock(database).acquire("one") as lock:
        with pytest.raises(Locked):
            lock.acquire("again")
        with pytest.raises(Locked):
            DatabaseLock(database).acquire("two")


def test_an_error_inside_the_block_releases_it(database: Path) -> None:
    with pytest.raises(ZeroDivisionError), DatabaseLock(database).acquire("one"):
        raise ZeroDivisionError

    assert holder(database) is None


def test_one_database_under_two_names_has_one_lock(database: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    other_name = tmp_path / "link" / database.name

    with DatabaseLock(database).acquire("one"), pytest.raises(Locked):
        DatabaseLock(other_name).acquire("two")


def test_the_lock_file_is_private_whatever_the_umask(database: Path) -> None:
    before = os.umask(0)
    try:
        with DatabaseLock(database).acquire("one") as lock:
            assert stat.S_IMODE(lock.path.stat().st_mode) == 0o600
    finally:
        os.umask(before)


def test_a_link_in_place_of_the_lock_file_is_refused(database: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    database.with_name(f"{database.name}.lock").symlink_to(victim)

    with pytest.raises(ConfigurationError, match="symbolic link"):
        DatabaseLock(database).acquire("one")

    assert victim.read_text() == "precious"


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="No such file"):
        DatabaseLock(tmp_path / "none" / "q.db").acquire("one")


@pytest.mark.parametrize("text", ["", "nonsense", "[]", '{"pid": "x"}', '{"pid": 1}', "\ud800"])
def test_a_holder_that_does_not_say_who_it_is_is_another_process(database: Path, text: str) -> None:
    with DatabaseLock(database).acquire("one") as lock:
        lock.path.write_text(text, errors="surrogatepass")

        assert holder(database) == "another process"


def test_looking_at_the_lock_does_not_refuse_those_who_take_it(database: Path) -> None:
    look = f"""
import sys
from pathlib import Path
from mail_proxy.config.lock import holder
print("looking", flush=True)
while True:
    holder(Path({str(database)!r}))
"""
    DatabaseLock(database).acquire("make").release()
    with subprocess.Popen(
        [sys.executable, "-c", look], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            for _ in range(20):
                with DatabaseLock(database).acquire("list"):
                    pass
        finally:
            process.kill()


def test_the_text_tells_a_reused_pid(database: Path) -> None:
    with DatabaseLock(database).acquire("one") as lock:
        told = json.loads(lock.path.read_text())
        found = holder_of(lock.path)

    assert (told["pid"], told["purpose"]) == (os.getpid(), "one")
    assert found is not None
    assert found.process == this_process()


def test_the_lock_of_a_state_folder_is_its_own(tmp_path: Path) -> None:
    with StateLock(tmp_path).acquire("daemon"):
        found = daemon_of(tmp_path)
        assert found is not None
        assert found.purpose == "daemon"
        DatabaseLock(tmp_path / "mail_service.db").acquire("list").release()

    assert daemon_of(tmp_path) is None
