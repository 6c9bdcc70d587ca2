"""Files of the host: what lies in a folder that is allowed, and nothing else, whatever is asked."""

from __future__ import annotations

import os
import socket
import threading
import time
from pathlib import Path

import pytest

from mail_proxy.attachments.failures import FetchFailed
from mail_proxy.attachments.folders import open_inside
from tests.patience import PATIENCE_S

OUTSIDE = b"secret of the host"


@pytest.fixture
def base(tmp_path) -> Path:
    """A folder that is allowed, beside what is not."""
    base = tmp_path / "data"
    (base / "sub").mkdir(parents=True)
    (base / "a.txt").write_bytes(b"a")
    (base / "sub" / "b.txt").write_bytes(b"b")
    (tmp_path / "secret").write_bytes(OUTSIDE)
    (tmp_path / "data2").mkdir()
    (tmp_path / "data2" / "a.txt").write_bytes(OUTSIDE)
    return base


def read(folders, location) -> bytes:
    opened = open_inside(folders, location)
    try:
        return opened.read(1_000_000)
    finally:
        opened.close()


def refused(folders, location) -> FetchFailed:
    with pytest.raises(FetchFailed) as caught:
        read(folders, location)
    return caught.value


@pytest.mark.parametrize(
    ("location", "data"),
    [("a.txt", b"a"), ("sub/b.txt", b"b"), ("./sub//b.txt", b"b"), ("{base}/sub/b.txt", b"b")],
)
def test_a_file_below_the_folder_is_read(base, location, data):
    assert read([base], location.format(base=base)) == data


def test_the_first_folder_that_has_it_counts(base, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "a.txt").write_bytes(b"other")
    (other / "only").write_bytes(b"only")
    assert read([tmp_path / "missing", base, other], "a.txt") == b"a"
    assert read([base, other], "only") == b"only"


@pytest.mark.parametrize(
    "location",
    [
        *(
            "../secret",
            "sub/../../secret",
            "sub/../a.txt",
            "..",
            "/",
            ".",
            "",
            "{base}",
            "{base}/..",
        ),
        *("{base}/../secret", "{base}2/a.txt", "../data2/a.txt", "/etc/passwd", "//etc/passwd"),
        *("/proc/self/environ", "{outer}/secret", "a.txt\0.pdf", "\ud800", "{base}/./../secret"),
        "x/" * 200 + "a",
    ],
)
def test_what_is_not_below_the_folder_is_refused_by_its_name(base, tmp_path, location):
    failure = refused([base], location.format(base=base, outer=tmp_path))
    assert failure.cause == "the path is not inside a folder that attachments may come from"
    assert failure.is_permanent


def test_without_a_folder_nothing_is_read(base):
    assert refused([], str(base / "a.txt")).is_permanent


@pytest.mark.parametrize(
    ("location", "cause"),
    [
        ("missing", "there is no such file"),
        ("a.txt/b", "there is no such file"),
        ("missing/b", "there is no such file"),
        ("x" * 256, "the path is too long"),
        ("sub", "it is no regular file"),
        ("pipe", "it is no regular file"),
        ("socket", "it is no regular file"),
        ("null", "it is no regular file"),
        ("link", "the path leads through a symbolic link"),
        ("inside_link", "the path leads through a symbolic link"),
        ("folder_link/secret", "the path leads through a symbolic link"),
        ("loop/a", "the path leads through a symbolic link"),
        ("proc/self/environ", "the path leads through a symbolic link"),
    ],
)
def test_what_is_no_plain_file_of_the_folder_is_refused_for_good(
    base, tmp_path, monkeypatch, location, cause
):
    os.mkfifo(base / "pipe")
    monkeypatch.chdir(base)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
    if location == "null":
        _make_device(base / "null")
    (base / "link").symlink_to(tmp_path / "secret")
    (base / "inside_link").symlink_to(base / "a.txt")
    (base / "folder_link").symlink_to(tmp_path)
    (base / "loop").symlink_to("loop")
    (base / "proc").symlink_to("/proc")
    failure = refused([base], location)
    assert (failure.cause, failure.is_permanent) == (cause, True)


def _make_device(path: Path) -> None:
    try:
        os.mknod(path, 0o600 | 0o020000, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("only root may make a device")


def test_the_folder_itself_may_be_a_link_of_the_admin(base, tmp_path):
    (tmp_path / "named").symlink_to(base)
    assert read([tmp_path / "named"], "sub/b.txt") == b"b"


def test_a_second_name_of_a_file_counts_for_the_owner_of_the_folder_alone(base, tmp_path):
    (base / "hard").hardlink_to(tmp_path / "secret")
    assert read([base], "hard") == OUTSIDE  # whoever owns both could have copied it
    if os.geteuid() != 0:
        pytest.skip("only root may give a file away")
    os.chown(base, 12345, -1)
    assert "several names" in refused([base], "hard").cause
    (tmp_path / "secret").unlink()
    assert read([base], "hard") == OUTSIDE


def test_rights_that_are_missing_may_be_given_later(base):
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    (base / "a.txt").chmod(0)
    assert not refused([base], "a.txt").is_permanent


def _swap(base: Path, seconds: float, outside: Path) -> tuple[int, set[bytes]]:
    """Read while another thread puts a link in the place of the folder and of the file."""
    (base / "real").mkdir()
    (base / "real" / "f").write_bytes(b"inside")
    stop = threading.Event()

    def swapping() -> None:
        n = 0
        while not stop.is_set():
            n += 1
            for name, target in (("swapped", outside.parent), ("file", outside)):
                new = base / f".{name}{n}"
                if n % 2:
                    new.symlink_to(target)
                elif name == "file":
                    new.write_bytes(b"inside")
                else:
                    new.mkdir()
                    (new / outside.name).write_bytes(b"inside")
                _exchange(new, base / name)

    thread = threading.Thread(target=swapping)
    thread.start()
    reads, seen = 0, set()
    deadline = time.monotonic() + seconds
    try:
        while time.monotonic() < deadline:
            for location in (f"swapped/{outside.name}", "file"):
                try:
                    seen.add(read([base], location))
                    reads += 1
                except FetchFailed:
                    pass
    finally:
        stop.set()
        thread.join()
    return reads, seen


def _exchange(new: Path, old: Path) -> None:
    if os.path.lexists(old):
        old.rename(old.with_name(f"{new.name}.gone"))
    new.rename(old)


@pytest.mark.slow
def test_a_link_that_is_swapped_in_leads_nowhere(base, tmp_path):
    seconds = float(os.environ.get("MAIL_PROXY_SWAP_S", "2"))
    reads, seen = _swap(base, seconds, tmp_path / "secret")
    assert reads > 100
    assert seen == {b"inside"}


def test_closing_does_not_wait_for_a_read_that_hangs_and_leaves_no_descriptor(base):
    class Hanging:
        """A file whose reads wait."""

        def __init__(self) -> None:
            self.begun, self.go_on = threading.Event(), threading.Event()
            self.closed = False

        def read(self, n: int) -> bytes:
            self.begun.set()
            assert self.go_on.wait(PATIENCE_S)
            return b""

        def close(self) -> None:
            self.closed = True

    opened = open_inside([base], "a.txt")
    opened._file.close()
    opened._file = file = Hanging()
    reader = threading.Thread(target=opened.read, args=(10,))
    reader.start()
    assert file.begun.wait(PATIENCE_S)
    opened.close()
    assert not file.closed
    file.go_on.set()
    reader.join(PATIENCE_S)
    assert file.closed
