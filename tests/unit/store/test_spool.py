"""Spool files: whole, synced and private, or not there."""

from __future__ import annotations

import errno
import hashlib
import os
import stat

import pytest

from mail_proxy.domain.attachment import Spooled
from mail_proxy.domain.content import BLOCK_BYTES
from mail_proxy.domain.errors import ContentChanged, StoreFull, StoreUnavailable
from mail_proxy.store.spool import NEW, Spool


@pytest.fixture
def spool(tmp_path) -> Spool:
    return Spool(tmp_path / "spool")


def written(spool: Spool, *contents: bytes) -> tuple[str, list[Spooled]]:
    with spool.write() as batch:
        with batch.add() as file:
            parts = [file.put([content]) for content in contents]
        batch.end()
    return file.name, parts


def files(spool: Spool) -> list[str]:
    return sorted(spool.names())


def test_each_content_comes_back_as_often_as_it_is_read(spool):
    large = os.urandom(BLOCK_BYTES + 5)
    name, parts = written(spool, b"first", large, b"")
    for _ in range(2):
        for part, expected in zip(parts, (b"first", large, b""), strict=True):
            content = spool.content(name, part)
            blocks = list(content.blocks())
            assert content.size_bytes == len(expected)
            assert b"".join(blocks) == expected
            assert all(len(block) <= BLOCK_BYTES for block in blocks)
            assert part.sha256 == hashlib.sha256(expected).hexdigest()


def test_nobody_else_may_read_the_files(spool, tmp_path):
    name, _ = written(spool, b"x")
    path = spool.path(name)
    modes = [stat.S_IMODE(p.stat().st_mode) for p in (path, path.parent, tmp_path / "spool")]
    assert modes == [0o600, 0o700, 0o700]


@pytest.mark.parametrize("damage", [b"Xirst", b"fir", b""])
def test_a_changed_file_is_told_at_the_end(spool, damage):
    name, (part,) = written(spool, b"first")
    spool.path(name).write_bytes(damage)
    with pytest.raises(ContentChanged, match="not what it was"):
        list(spool.content(name, part).blocks())


def test_a_missing_file_is_told(spool):
    name, (part,) = written(spool, b"first")
    spool.remove([name, name])
    with pytest.raises(ContentChanged, match="cannot be read"):
        list(spool.content(name, part).blocks())


def test_a_link_in_the_place_of_a_file_is_not_followed(spool, tmp_path):
    (tmp_path / "other").write_bytes(b"first")
    name, (part,) = written(spool, b"first")
    spool.path(name).unlink()
    spool.path(name).symlink_to(tmp_path / "other")
    with pytest.raises(ContentChanged, match="cannot be read"):
        list(spool.content(name, part).blocks())


@pytest.mark.parametrize("name", ["../queue.db", "aa/../../x", "/etc/passwd", "aa/" + "g" * 32, ""])
def test_no_other_file_can_be_named(spool, name):
    with pytest.raises(ContentChanged):
        spool.content(name, Spooled(0, 1, ""))


def test_an_error_leaves_nothing_of_that_file_and_keeps_the_others(spool):
    def breaks_off():
        yield b"half"
        raise ValueError("bad")

    def add_bad(batch):
        with batch.add() as bad:
            bad.put(breaks_off())

    with spool.write() as batch:
        with batch.add() as good:
            good.put([b"good"])
        with pytest.raises(ValueError, match="bad"):
            add_bad(batch)
        batch.end()
    assert files(spool) == [good.name]
    assert spool.unsettled == {good.name}


def test_what_was_not_ended_goes(spool):
    def broken():
        with spool.write() as batch:
            with batch.add() as file:
                file.put([b"good"])
            raise ValueError("before the end")

    with pytest.raises(ValueError, match="before"):
        broken()
    assert files(spool) == []
    assert spool.unsettled == set()


@pytest.mark.parametrize(
    ("step", "number", "kind"),
    [
        ("write", errno.ENOSPC, StoreFull),
        ("fsync", errno.ENOSPC, StoreFull),
        ("fsync", errno.EIO, StoreUnavailable),
        ("open", errno.EDQUOT, StoreFull),
        ("mkdir", errno.ENOSPC, StoreFull),
        ("mkdir", errno.EROFS, StoreUnavailable),
    ],
)
def test_a_disk_that_takes_no_more_is_told_and_keeps_no_half_file(
    spool, monkeypatch, step, number, kind
):
    def failing(*_, **__):
        raise OSError(number, os.strerror(number))

    if step != "mkdir":
        spool.shelf()
    monkeypatch.setattr(os, step, failing)
    with pytest.raises(kind):
        written(spool, b"x" * 10)
    monkeypatch.undo()
    assert files(spool) == []
    assert spool.unsettled == set()


def test_files_that_are_not_whole_are_listed_too(spool, tmp_path):
    name, _ = written(spool, b"x")
    half = spool.path("aa/" + "0" * 32)
    half.parent.mkdir(exist_ok=True)
    half.with_name(half.name + NEW).write_bytes(b"")
    (half.parent / "notes.txt").write_text("somebody's own")
    assert files(spool) == sorted([name, "aa/" + "0" * 32 + NEW])


def test_a_copy_outlives_the_first_file(spool):
    name, (part,) = written(spool, b"first")
    with spool.write() as batch:
        copied = batch.link(name)
        batch.end()
    spool.remove([name])
    assert b"".join(spool.content(copied, part).blocks()) == b"first"


def test_where_files_have_one_name_only_a_copy_is_made(spool, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(errno.EPERM, "no links here")

    name, (part,) = written(spool, b"first")
    monkeypatch.setattr(os, "link", refuse)
    with spool.write() as batch:
        copied = batch.link(name)
        batch.end()
    assert not spool.path(name).samefile(spool.path(copied))
    assert b"".join(spool.content(copied, part).blocks()) == b"first"
    assert sorted(files(spool)) == sorted([name, copied])


def test_nothing_can_be_copied_of_a_file_that_is_gone(spool):
    name, _ = written(spool, b"first")
    spool.remove([name])
    with spool.write() as batch:
        with pytest.raises(ContentChanged, match="not there"):
            batch.link(name)
        batch.end()
    assert files(spool) == []


def test_a_file_that_cannot_be_removed_keeps_no_other(spool):
    bad, _ = written(spool, b"x")
    good, _ = written(spool, b"y")
    spool.path(bad).unlink()
    spool.path(bad).mkdir()
    with pytest.raises(StoreUnavailable):
        spool.remove([bad, good])
    assert files(spool) == [bad]
