"""The attempt journal: what this daemon has begun, written down before it can matter.

Lines in files that take their room at their making, without fsync: a microsecond for each, and it
survives `kill -9`. After a power loss it proves only what it still holds. No journal, no dot: when
there is no file for a step that stands before the dot, `NotNow` is raised, and nothing is sent for
a moment.

A segment is removed when the results of all that was begun in it are committed. `segments.py` reads
what is left.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mail_proxy.delivery.not_now import NotNow
from mail_proxy.delivery.records import (
    Header,
    Key,
    encode_begun,
    encode_composed,
    encode_dotted,
    encode_ended,
    encode_header,
    encode_replied,
    encode_settled,
)
from mail_proxy.delivery.segment_file import SegmentFile
from mail_proxy.domain.attempt import AttemptResult
from mail_proxy.domain.clock import Clock
from mail_proxy.domain.reply import Reply
from mail_proxy.observe import events
from mail_proxy.store import Claimed, Daemon

SEGMENT_BYTES = 4 * 2**20  # some 12,000 attempts
PAUSE_S = 1.0  # after a failure, before the next try to write
_LOOK_S = 1.0  # between two looks whether somebody removed the file
SUFFIX = ".journal"


@dataclass(slots=True, eq=False)
class _Segment:
    """One file; `open` are the attempts in it whose results are not committed."""

    file: SegmentFile
    open: set[Key] = field(default_factory=set)


class Journal:
    """Written by one daemon, on its event loop. Every verb but `open` is a few microseconds."""

    def __init__(
        self, folder: Path, owner: Daemon, clock: Clock, *, segment_bytes: int = SEGMENT_BYTES
    ) -> None:
        self.folder = folder
        self.owner = owner
        self._clock = clock
        self._segment_bytes = segment_bytes
        self._current: _Segment | None = None
        self._full: list[_Segment] = []
        self._n_made = 0
        self._retry_at = float("-inf")
        self._look_at = float("-inf")
        self._is_in_trouble = False

    @property
    def is_writable(self) -> bool:
        """As far as is known; `open` may change it."""
        return self._current is not None

    def open(self) -> bool:
        """Make the first segment, or a new one after a failure. False: not now, ask again."""
        now = self._clock.monotonic()
        if self._current is None and now >= self._retry_at:
            try:
                self._begin_segment()
            except OSError as error:
                self._fail(error)
        if self._current is not None and self._is_in_trouble:
            self._is_in_trouble = False
            events.journal_restored()
        return self._current is not None

    # --- the steps of an attempt ---

    def begin(self, message: Claimed) -> None:
        """Before anything is done. Raises NotNow."""
        self._look()
        key = Key(message.pk, message.lease_token)
        self._write(encode_begun(*key), key)

    def composed(self, message: Claimed) -> None:
        """The mail is put together, and did no harm. Never raises."""
        key = Key(message.pk, message.lease_token)
        self._try_to_write(encode_composed(*key), key)

    def dot(self, message: Claimed, replies: Sequence[Reply | None]) -> None:
        """Right before the final dot; `replies` to RCPT in envelope order. Raises NotNow."""
        key = Key(message.pk, message.lease_token)
        positions = (recipient.position for recipient in message.recipients)
        line = encode_dotted(*key, message.tenant_id, message.rfc_message_id, positions, replies)
        self._write(line, key)

    def end(self, message: Claimed, result: AttemptResult | None) -> None:
        """The attempt is over. Never raises: the result itself goes to the finisher."""
        key = Key(message.pk, message.lease_token)
        if result is not None and result.dot_sent:
            line = encode_replied(*key, result.reply, result.lost)
        else:
            line = encode_ended(*key)
        self._try_to_write(line, key)

    def settled(self, keys: Iterable[Key]) -> None:
        """The results of these attempts are committed. Never raises."""
        segments = self._segments()
        done = [key for key in keys if any(key in segment.open for segment in segments)]
        if not done:
            return
        for segment in segments:
            segment.open.difference_update(done)
        self._drop_done()
        self._try_to_write(encode_settled(done))

    # --- its end ---

    def close(self, *, remove: bool) -> None:
        """remove: the store holds no lease of ours, so nothing here is of use any more."""
        segments = self._segments()
        self._close_current()
        self._full = []
        if remove:
            for segment in segments:
                _remove(segment.file.path)

    # --- writing ---

    def _write(self, line: bytes, key: Key | None = None) -> None:
        segment = self._current
        if segment is not None and not segment.file.has_room_for(line):
            segment = self._rotate(len(line))
        if segment is None:
            raise NotNow("the journal cannot be written")
        segment.file.put(line)
        if key is not None:
            segment.open.add(key)

    def _try_to_write(self, line: bytes, key: Key | None = None) -> None:
        if self._current is not None:
            try:
                self._write(line, key)
            except NotNow:
                return  # told; what is lost here makes a crash in the next moment a doubt

    def _look(self) -> None:
        """A file that somebody removed takes every write and keeps none."""
        now = self._clock.monotonic()
        if self._current is None or now < self._look_at:
            return
        self._look_at = now + _LOOK_S
        try:
            self._current.file.check()
        except OSError as error:
            self._fail(error)

    def _fail(self, error: OSError) -> None:
        self._close_current()
        self._drop_done()  # a disk that stays full gets another segment each second
        self._retry_at = self._clock.monotonic() + PAUSE_S
        if not self._is_in_trouble:
            self._is_in_trouble = True
            events.journal_trouble(folder=str(self.folder), error=error)

    # --- segments ---

    def _segments(self) -> list[_Segment]:
        return self._full if self._current is None else [*self._full, self._current]

    def _begin_segment(self, n_bytes: int = 0) -> None:
        """With room for a line of `n_bytes` at least. Raises OSError."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._n_made += 1
        path = self.folder / f"{self.owner.daemon_id}-{self._n_made:06}{SUFFIX}"
        header = encode_header(Header(self.owner.daemon_id, self.owner.boot_id))
        size_bytes = max(self._segment_bytes, len(header) + n_bytes)
        self._current = _Segment(SegmentFile.make(path, size_bytes, header))

    def _rotate(self, n_bytes: int) -> _Segment | None:
        """The next segment; None: it could not be made."""
        self._close_current()
        try:
            self._begin_segment(n_bytes)
        except OSError as error:
            self._fail(error)
        self._drop_done()
        return self._current

    def _close_current(self) -> None:
        if self._current is not None:
            self._full.append(self._current)
            self._current.file.close()
            self._current = None

    def _drop_done(self) -> None:
        done = [segment for segment in self._full if not segment.open]
        # The last file is kept: where there is none, everything that is leased is in doubt.
        if self._current is None:
            done = done[:-1] if len(done) == len(self._full) else done
        for segment in done:
            self._full.remove(segment)
            _remove(segment.file.path)


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:  # it costs room and nothing else; the next start reads and removes it
        events.journal_left(path=str(path), error=error)
