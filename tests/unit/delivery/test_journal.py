"""The journal on a real folder: what is written, when it goes, and what happens when it cannot.

Long, for what one case leaves on the disk is what the others read.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mail_proxy.delivery.journal import PAUSE_S, Journal
from mail_proxy.delivery.not_now import NotNow
from mail_proxy.delivery.records import Key, encode_begun
from mail_proxy.delivery.segments import Attempt, Trail, read_trails
from mail_proxy.domain.attempt import AttemptResult
from mail_proxy.domain.reply import Reply, Stage
from mail_proxy.store import Claimed, Daemon

Claim = Callable[..., Claimed]

OWNER = Daemon("d1", "boot-1", "here", 0.0)
OK = Reply(250, "2.0.0", "queued")
NO = Reply(550, "5.1.1", "no such user")


class StoppedClock:
    """Moves by hand."""

    def __init__(self) -> None:
        self.at = 100.0

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at

    def dice(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("the journal never sleeps")


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "journal"


@pytest.fixture
def journal(folder: Path, clock: StoppedClock) -> Iterator[Journal]:
    made = Journal(folder, OWNER, clock, segment_bytes=600)
    assert made.open()
    yield made
    made.close(remove=False)


def accepted(message: Claimed) -> AttemptResult:
    return AttemptResult((OK,) * len(message.recipients), Stage.DOT, OK, dot_sent=True)


def send(journal: Journal, message: Claimed) -> Key:
    journal.begin(message)
    journal.dot(message, (OK,) * len(message.recipients))
    journal.end(message, accepted(message))
    return Key(message.pk, message.lease_token)


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def trail(folder: Path) -> Trail:
    (found,) = read_trails(folder).values()
    return found


def test_there_is_a_header_before_anything_is_begun(journal: Journal, folder: Path) -> None:
    assert trail(folder) == Trail("boot-1", paths=[folder / "d1-000001.journal"])


def test_only_the_owner_may_read_it(journal: Journal, folder: Path) -> None:
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "d1-000001.journal").stat().st_mode & 0o777 == 0o600


def test_each_step_is_read_again(journal: Journal, folder: Path, claimed: Claim) -> None:
    message = claimed(1, ("a@x.example", "b@x.example"))
    key = Key(1, 7)
    journal.begin(message)
    assert trail(folder).attempts == {key: Attempt()}

    journal.dot(message, (OK, NO))
    dotted = trail(folder).attempts[key].dotted
    assert dotted is not None
    assert (dotted.tenant_id, dotted.message_id) == ("acme", "<1@acme.example>")
    assert (dotted.accepted, dotted.refused) == ((0,), {1: NO})

    journal.end(message, accepted(message))
    replied = trail(folder).attempts[key].replied
    assert replied is not None
    assert replied.reply == OK

    journal.settled([key])
    assert trail(folder).attempts == {}


def test_an_attempt_that_ended_before_its_dot_is_told_as_that(
    journal: Journal, folder: Path, claimed: Claim
) -> None:
    journal.begin(claimed(1))
    journal.end(claimed(1), None)
    journal.begin(claimed(2))
    journal.end(claimed(2), AttemptResult((None,), Stage.MAIL, NO))
    assert [a.has_ended for a in trail(folder).attempts.values()] == [True, True]


def test_a_segment_stays_until_all_its_results_are_committed(
    journal: Journal, folder: Path, claimed: Claim
) -> None:
    keys = [send(journal, claimed(n)) for n in range(1, 13)]
    first, *_ = names = files(folder)
    assert len(names) > 2

    journal.settled(keys[1:])
    assert files(folder) == [first, names[-1]]
    assert set(trail(folder).attempts) >= {keys[0]}

    journal.settled(keys[:1])
    assert files(folder) == [names[-1]]


def test_an_attempt_keeps_every_segment_that_tells_of_it(
    journal: Journal, folder: Path, claimed: Claim
) -> None:
    slow = claimed(1)
    journal.begin(slow)
    keys = [send(journal, claimed(n)) for n in range(2, 10)]
    journal.dot(slow, (OK,))
    keys += [send(journal, claimed(n)) for n in range(10, 20)]
    journal.settled(keys)

    attempt = trail(folder).attempts[Key(1, 7)]
    assert attempt.dotted is not None


@pytest.mark.parametrize("remove", [True, False])
def test_the_end_removes_everything_or_nothing(
    journal: Journal, folder: Path, claimed: Claim, remove: bool
) -> None:
    send(journal, claimed(1))
    journal.close(remove=remove)
    assert files(folder) == ([] if remove else ["d1-000001.journal"])


def test_after_its_end_nothing_can_be_begun(journal: Journal, claimed: Claim) -> None:
    journal.close(remove=True)
    with pytest.raises(NotNow):
        journal.begin(claimed(1))


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """A file that grows beyond it fails as on a full disk: the last write is short."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def fill(journal: Journal, claimed: Claim) -> None:
    """Until the next line needs another file; what was begun for it is settled."""
    while True:
        key = Key(1, 7)
        line = encode_begun(*key)
        assert journal._current is not None
        if not journal._current.file.has_room_for(line):
            return
        journal.begin(claimed(1))


def test_no_dot_is_allowed_that_finds_no_room(
    journal: Journal, folder: Path, claimed: Claim, clock: StoppedClock
) -> None:
    fill(journal, claimed)
    with files_of_at_most(100), pytest.raises(NotNow):
        journal.dot(claimed(1), (OK,))

    assert not journal.is_writable
    found = trail(folder)
    assert found.is_whole
    assert found.attempts == {Key(1, 7): Attempt()}
    with pytest.raises(NotNow):
        journal.begin(claimed(2))

    clock.at += PAUSE_S
    assert journal.open()
    send(journal, claimed(3))
    assert files(folder)[0] == "d1-000001.journal"
    assert trail(folder).is_whole


def test_what_was_written_needs_no_more_room(
    journal: Journal, folder: Path, claimed: Claim
) -> None:
    with files_of_at_most(0):
        send(journal, claimed(1))
    assert trail(folder).attempts[Key(1, 7)].replied is not None


def test_a_line_longer_than_a_segment_has_one_of_its_own(
    journal: Journal, folder: Path, claimed: Claim
) -> None:
    many = claimed(1, tuple(f"r{n}@x.example" for n in range(500)))
    journal.begin(many)
    journal.dot(many, (NO,) * 499 + (OK,))
    dotted = trail(folder).attempts[Key(1, 7)].dotted
    assert dotted is not None
    assert (len(dotted.refused), dotted.accepted) == (499, (499,))


def test_trouble_is_told_once(
    folder: Path,
    clock: StoppedClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    folder.write_text("no folder")
    journal = Journal(folder, OWNER, clock)
    with caplog.at_level("INFO"):
        for _ in range(5):
            assert not journal.open()
            clock.at += PAUSE_S
        folder.unlink()
        assert journal.open()
    journal.close(remove=True)
    told = [getattr(record, "event", "") for record in caplog.records]
    assert told == ["journal_trouble", "journal_restored"]


def test_between_two_tries_there_is_a_pause(folder: Path, clock: StoppedClock) -> None:
    folder.write_text("no folder")
    journal = Journal(folder, OWNER, clock)
    assert not journal.open()
    folder.unlink()
    assert not journal.open()
    clock.at += PAUSE_S
    assert journal.open()
    journal.close(remove=True)


def test_a_header_that_has_no_room_leaves_no_file(folder: Path, clock: StoppedClock) -> None:
    journal = Journal(folder, OWNER, clock)
    with files_of_at_most(10):
        assert not journal.open()
    assert files(folder) == []


def test_a_file_that_somebody_removed_is_noticed(
    journal: Journal, folder: Path, claimed: Claim, clock: StoppedClock
) -> None:
    send(journal, claimed(1))
    (folder / "d1-000001.journal").unlink()
    clock.at += 1.0
    with pytest.raises(NotNow):
        journal.begin(claimed(2))
    clock.at += PAUSE_S
    assert journal.open()


def test_a_file_that_somebody_cut_is_noticed(
    journal: Journal, folder: Path, claimed: Claim, clock: StoppedClock
) -> None:
    os.truncate(folder / "d1-000001.journal", 0)
    clock.at += 1.0
    with pytest.raises(NotNow):
        journal.begin(claimed(1))
    clock.at += PAUSE_S
    assert journal.open()
    assert not trail(folder).proves("boot-1")


def test_a_disk_that_stays_full_leaves_no_heap_of_files(
    journal: Journal, folder: Path, claimed: Claim, clock: StoppedClock
) -> None:
    fill(journal, claimed)
    with files_of_at_most(100):
        for _ in range(5):
            with pytest.raises(NotNow):
                journal.dot(claimed(1), (OK,))
            clock.at += PAUSE_S
            assert not journal.open()
    assert files(folder) == ["d1-000001.journal"]


def test_a_reply_that_cannot_be_written_changes_nothing_for_the_attempt(
    journal: Journal, claimed: Claim
) -> None:
    message = claimed(1)
    journal.begin(message)
    journal.dot(message, (OK,))
    fill(journal, claimed)
    with files_of_at_most(100):
        journal.end(message, accepted(message))
    assert not journal.is_writable
    journal.settled([Key(1, 7)])


# --- reading ---


def test_no_folder_holds_no_journals(tmp_path: Path) -> None:
    assert read_trails(tmp_path / "none") == {}


def test_other_files_are_left_alone(journal: Journal, folder: Path) -> None:
    (folder / "notes.txt").write_text("x")
    assert list(read_trails(folder)) == ["d1"]


@pytest.mark.parametrize("garbage", [b"garbage\n", b"\x00" * 5000 + b"\n", b"\n", b"x" * 3_000_000])
def test_a_foreign_line_hides_nothing_and_proves_nothing(
    journal: Journal, folder: Path, claimed: Claim, garbage: bytes
) -> None:
    journal.begin(claimed(1))
    with (folder / "d1-000001.journal").open("ab") as file:
        file.write(garbage + (b"" if garbage.endswith(b"\n") else b"\n"))
    journal.begin(claimed(2))
    found = trail(folder)
    assert set(found.attempts) == {Key(1, 7), Key(2, 7)}
    assert not found.proves("boot-1")


@pytest.mark.parametrize("content", [b"", b"garbage", b"12345678 [\n", b"\n", bytes(600)])
def test_a_file_without_its_header_proves_nothing(folder: Path, content: bytes) -> None:
    folder.mkdir()
    (folder / "d1-000001.journal").write_bytes(content)
    assert not trail(folder).proves("boot-1")


@pytest.mark.parametrize("missing", [slice(0, 1), slice(0, 20), slice(5, 20), slice(20, None)])
def test_a_torn_line_was_never_written(
    journal: Journal, folder: Path, claimed: Claim, missing: slice
) -> None:
    journal.begin(claimed(1))
    line = bytearray(encode_begun(2, 7))
    line[-1:] = b"\0"
    line[missing] = bytes(len(line[missing]))
    path = folder / "d1-000001.journal"
    written = path.read_bytes().rstrip(b"\0")
    path.write_bytes((written + line).ljust(600, b"\0"))
    assert set(trail(folder).attempts) == {Key(1, 7)}
    assert trail(folder).proves("boot-1")


def test_a_file_that_has_no_line_yet_is_no_damage(journal: Journal, folder: Path) -> None:
    (folder / "d1-000002.journal.new").write_bytes(bytes(600))
    found = trail(folder)
    assert found.proves("boot-1")
    assert len(found.paths) == 2, "recovery removes it with the others"


def test_a_line_behind_room_that_was_not_used_counts_and_proves_nothing_else(
    journal: Journal, folder: Path
) -> None:
    with (folder / "d1-000001.journal").open("ab") as file:
        file.write(encode_begun(2, 7))
    found = trail(folder)
    assert set(found.attempts) == {Key(2, 7)}
    assert not found.proves("boot-1")


def test_a_file_that_cannot_be_read_proves_nothing(journal: Journal, folder: Path) -> None:
    (folder / "d1-000002.journal").symlink_to("d1-000001.journal")
    assert not trail(folder).proves("boot-1")


def test_a_journal_of_another_daemon_under_this_name_proves_nothing(
    journal: Journal, folder: Path
) -> None:
    (folder / "d1-000001.journal").rename(folder / "d2-000001.journal")
    assert not trail(folder).proves("boot-1")


@pytest.mark.parametrize("boot_id", ["boot-2", ""])
def test_a_journal_of_another_boot_proves_nothing(
    journal: Journal, folder: Path, boot_id: str
) -> None:
    assert not trail(folder).proves(boot_id)


def test_where_boots_have_no_names_nothing_is_proven(folder: Path, clock: StoppedClock) -> None:
    journal = Journal(folder, Daemon("d1", "", "here", 0.0), clock)
    assert journal.open()
    journal.close(remove=False)
    assert not trail(folder).proves("")
