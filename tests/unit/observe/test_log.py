from __future__ import annotations

import io
import logging
import os
import stat
from contextlib import suppress
from pathlib import Path

import pytest

from mail_proxy.domain.errors import ConfigurationError
from mail_proxy.observe import events, log
from mail_proxy.observe.lines import EventRecord, TextLines


@pytest.fixture(autouse=True)
def _restored():
    yield
    log.unconfigure()


def log_file(path: Path, **options: int) -> log.LogFile:
    handler = log.LogFile(path, **options)
    handler.setFormatter(TextLines())
    return handler


def record(**fields: object) -> EventRecord:
    return EventRecord(logging.INFO, "tick", fields)


def test_only_the_owner_reads_the_file(tmp_path):
    os.umask(os.umask(0))  # the rights do not rest on the umask
    log.configure(path=tmp_path / "daemon.log")
    events.run_now("acme")
    found = tmp_path / "daemon.log"
    assert stat.S_IMODE(found.stat().st_mode) == 0o600
    assert found.read_text().endswith("run_now tenant=acme\n")


def test_open_rights_of_an_old_file_are_repaired(tmp_path):
    (tmp_path / "daemon.log").write_text("old\n")
    (tmp_path / "daemon.log").chmod(0o644)
    log.configure(path=tmp_path / "daemon.log")
    assert stat.S_IMODE((tmp_path / "daemon.log").stat().st_mode) == 0o600


def test_a_file_is_appended_to(tmp_path):
    for tenant in ("a", "b"):
        log.configure(path=tmp_path / "daemon.log")
        events.run_now(tenant)
    lines = (tmp_path / "daemon.log").read_text().splitlines()
    assert [line.split()[-1] for line in lines] == ["tenant=a", "tenant=b"]


def test_a_file_that_cannot_be_opened_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match=r"cannot write .*daemon\.log"):
        log.configure(path=tmp_path / "no" / "daemon.log")


def test_a_symbolic_link_is_not_followed(tmp_path):
    (tmp_path / "victim").write_text("")
    (tmp_path / "daemon.log").symlink_to(tmp_path / "victim")
    with pytest.raises(ConfigurationError):
        log.configure(path=tmp_path / "daemon.log")


def test_a_full_file_is_moved_aside_and_the_oldest_goes(tmp_path):
    handler = log_file(tmp_path / "log", rotate_bytes=60, kept=2)
    for n in range(5):
        handler.emit(record(n=n))  # about 40 bytes: one line a file
    handler.close()
    found = {path.name: path.read_text()[-4:-1] for path in tmp_path.iterdir()}
    assert found == {"log": "n=4", "log.1": "n=3", "log.2": "n=2"}


def test_a_full_disk_loses_lines_and_tells_how_many():
    handler = log_file(Path("/dev/full"))
    handler.emit(record(n=1))
    handler.emit(record(n=2))
    reading, writing = os.pipe()
    full, handler._descriptor = handler._descriptor, writing
    handler.emit(record(n=3))
    os.close(full)
    handler.close()
    with os.fdopen(reading) as pipe:
        lost, third = pipe.read().splitlines()
    assert lost.endswith("ERROR log_lines_lost n=2")
    assert third.endswith("n=3")


def test_a_value_that_cannot_be_shown_does_not_break_its_caller(tmp_path):
    class Broken:
        def __str__(self) -> str:
            raise RuntimeError("no")

    handler = log_file(tmp_path / "daemon.log")
    handler.emit(record(broken=Broken()))
    handler.close()
    assert (tmp_path / "daemon.log").read_text() == ""


def test_below_the_level_nothing_is_written():
    stream = io.StringIO()
    log.configure("warning", stream=stream)
    events.run_now("acme")
    assert stream.getvalue() == ""


def test_libraries_never_log_below_warning_even_at_debug():
    stream = io.StringIO()
    log.configure("DEBUG", stream=stream)
    logging.getLogger("sqlalchemy.engine").debug("parameters")
    logging.getLogger("alembic").info("upgrade")
    assert stream.getvalue() == ""


def test_an_unknown_level_is_refused():
    with pytest.raises(ConfigurationError, match="'LOUD' is no log level"):
        log.configure("LOUD")


def test_configuring_again_replaces_what_was_there():
    first, second = io.StringIO(), io.StringIO()
    log.configure(stream=first)
    log.configure(stream=second)
    events.run_now("acme")
    assert first.getvalue() == ""
    assert second.getvalue().count("\n") == 1


def test_gathered_lines_are_written_in_order_at_the_end(tmp_path):
    path = tmp_path / "daemon.log"
    log.configure(path=path)
    with log.gathered():
        events.run_now("a")
        events.run_now("b")
        assert path.read_text() == ""
    assert [line.split()[-1] for line in path.read_text().splitlines()] == ["tenant=a", "tenant=b"]


def test_a_warning_does_not_wait_for_the_lines_it_is_gathered_with(tmp_path):
    path = tmp_path / "daemon.log"
    log.configure(path=path)
    with log.gathered():
        events.run_now("a")
        events.starts_suspended()
        assert [line.split()[2] for line in path.read_text().splitlines()] == [
            "run_now",
            "starts_suspended",
        ]


def test_lines_are_written_although_what_gathers_them_fails(tmp_path):
    path = tmp_path / "daemon.log"
    log.configure(path=path)
    with suppress(ZeroDivisionError), log.gathered():
        events.run_now("a")
        raise ZeroDivisionError
    events.run_now("b")
    assert len(path.read_text().splitlines()) == 2


def test_warnings_go_to_a_file_more_and_the_log_of_the_program_stays(tmp_path):
    before = logging.getLogger().handlers[:]
    with log.warnings_also_in(tmp_path / "daemon.log"):
        events.run_now("acme")
        assert not (tmp_path / "daemon.log").exists()
        events.scheduler_changed(is_active=False, by="admin")
        assert logging.getLogger().handlers == before
    events.scheduler_changed(is_active=False, by="another")
    (line,) = (tmp_path / "daemon.log").read_text().splitlines()
    assert line.endswith("scheduler_changed active=false by=admin")


def test_a_file_that_cannot_be_opened_later_is_passed_over(tmp_path):
    with log.warnings_also_in(tmp_path / "no" / "daemon.log"):
        events.scheduler_changed(is_active=False, by="admin")
    assert not (tmp_path / "no").exists()
