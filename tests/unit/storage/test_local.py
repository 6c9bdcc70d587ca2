"""Files in a folder: nothing outside of it is ever written, read or removed."""

from __future__ import annotations

from pathlib import Path
from threading import Event

import pytest

from mail_proxy.domain.content import BytesContent
from mail_proxy.storage.errors import NotStored, StorageFailed
from mail_proxy.storage.local import LocalObjects
from mail_proxy.storage.objects import digest_of

KEYS = ["../x/y", "a/../../x", "/etc/passwd", "a//b", "a/./b", "a/b\0c", "alone", "", "a/.."]


@pytest.mark.parametrize("key", KEYS)
def test_a_key_that_is_none_of_ours_is_refused(tmp_path: Path, key: str):
    objects = LocalObjects(tmp_path / "base")

    with pytest.raises(StorageFailed):
        objects.write(key, iter([b"x"]), "text/plain")
    with pytest.raises(StorageFailed):
        objects.open(key)
    with pytest.raises(StorageFailed):
        objects.remove(key)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_planted_folder_is_not_followed(tmp_path: Path):
    base, outside = tmp_path / "base", tmp_path / "outside"
    base.mkdir()
    outside.mkdir()
    (outside / "name").write_bytes(b"kept")
    (base / "acme").symlink_to(outside)
    objects = LocalObjects(base)

    with pytest.raises(StorageFailed):
        objects.write("acme/id/name", iter([b"x"]), "text/plain")
    with pytest.raises(StorageFailed):
        objects.remove("acme/id/name")
    (base / "beta").mkdir()
    (base / "beta" / "id").symlink_to(outside)
    with pytest.raises(StorageFailed):
        objects.remove("beta/id/name")
    assert (outside / "name").read_bytes() == b"kept"


def test_what_was_written_is_checked_by_its_size(tmp_path: Path):
    objects, content = LocalObjects(tmp_path), BytesContent(b"x" * 600_000)
    digest = digest_of(content, Event())
    objects.write("a/b/c", content.blocks(), "text/plain")

    objects.check("a/b/c", digest)
    (tmp_path / "a/b/c").write_bytes(b"x")
    with pytest.raises(NotStored):
        objects.check("a/b/c", digest)
    with pytest.raises(NotStored):
        objects.check("a/b/d", digest)


def test_removing_twice_is_no_error(tmp_path: Path):
    objects = LocalObjects(tmp_path)
    objects.write("a/b/c", iter([b"x"]), "text/plain")

    objects.remove("a/b/c")
    objects.remove("a/b/c")
    LocalObjects(tmp_path / "never made").remove("a/b/c")

    assert list(tmp_path.rglob("*")) == [tmp_path / "a"]


def test_what_a_crash_left_of_an_upload_goes_with_the_next_one(tmp_path: Path):
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/.0123.part").write_bytes(b"half")

    LocalObjects(tmp_path).write("a/b/c", iter([b"whole"]), "text/plain")

    assert [path.name for path in (tmp_path / "a/b").iterdir()] == ["c"]
