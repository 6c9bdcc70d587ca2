"""Each way in which an attachment can fail: its message waits or has failed, and is told why."""

from __future__ import annotations

import asyncio
import ctypes
import os
import re
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mail_proxy.config.instances import Instance
from mail_proxy.domain.errors import RejectedBatch
from mail_proxy.sinks.smtp import SmtpSink
from tests.faults.file_server import OUTSIDE, FileServer
from tests.faults.installation import Installation, end, environment
from tests.faults.letters import attached, file_of, posted
from tests.faults.profile import sized
from tests.faults.watched import Watched

pytestmark = pytest.mark.slow

NAME = "f.bin"
CANARY = b"what lies outside and nobody may have"
SETTINGS = {
    "GMP_ALLOWED_NETWORKS": FileServer.host,
    "GMP_ATTACHMENT_TIMEOUT": "1",
    "GMP_ATTACHMENT_MAX_MB": "1",
    "GMP_RETRY_DELAYS": "3600",  # one try for each
}
MIB = 2**20
HOST = FileServer.host
FAILED = f"Attachment fetch failed for {NAME}: "

# By the name of what `Failures` prepares: what becomes of the message, and the reason.
TABLE = {
    "404": ("error", f"{FAILED}{HOST} answered 404 (Not Found)"),
    "410": ("error", f"{FAILED}{HOST} answered 410 (Gone)"),
    "429": ("deferred", f"{FAILED}{HOST} answered 429 (Too Many Requests)"),
    "500": ("deferred", f"{FAILED}{HOST} answered 500 (Internal Server Error)"),
    "nobody listens": ("deferred", f"{FAILED}"),
    "hangs": ("deferred", f"Attachment {NAME} fetch timed out"),
    "drips": ("deferred", f"Attachment {NAME} fetch timed out"),
    "says nothing": ("deferred", f"Attachment {NAME} returned no data"),
    "too large, as announced": ("error", f"{FAILED}it is larger than 1 MiB"),
    "too large, in chunks": ("error", f"{FAILED}it is larger than 1 MiB"),
    "too large a file": ("error", f"{FAILED}it is larger than 1 MiB"),
    "less than announced": ("deferred", f"{FAILED}"),
    "other md5": ("deferred", f"{FAILED}it does not have its content_md5"),
    "redirected inside": ("error", f"{FAILED}"),
    "redirected to a file": ("error", f"{FAILED}"),
    "redirected for ever": ("deferred", f"{FAILED}"),
    "an address inside": ("error", f"{FAILED}"),
    "no such file": ("error", f"{FAILED}there is no such file"),
    "a path outside": ("error", f"{FAILED}the path is not inside a folder"),
    "a path that climbs": ("error", f"{FAILED}the path is not inside a folder"),
    "a path that climbs from inside": ("error", f"{FAILED}the path is not inside a folder"),
    "a folder with the same beginning": ("error", f"{FAILED}the path is not inside a folder"),
    "another tenant's": ("error", f"{FAILED}the path is not inside a folder"),
    "a link": ("error", f"{FAILED}the path leads through a symbolic link"),
    "a link in the way": ("error", f"{FAILED}the path leads through a symbolic link"),
    "a pipe": ("error", f"{FAILED}it is no regular file"),
    "a socket": ("error", f"{FAILED}it is no regular file"),
    "a folder": ("error", f"{FAILED}it is no regular file"),
    "a device": ("error", f"{FAILED}it is no regular file"),
    "of the kernel": ("error", f"{FAILED}the path is not inside a folder"),
}


@dataclass
class Failures:
    """Prepares them. folder: the tenant's. canary: outside of it."""

    files: FileServer
    folder: Path
    canary: Path

    def entries(self) -> dict[str, dict[str, Any]]:
        """One attachment for each, by the names of TABLE; a device only where one can be made."""
        found = {**self._answers(), **self._paths()}
        if not self._has_device():
            del found["a device"]
        return {name: {"filename": NAME, **entry} for name, entry in found.items()}

    def _answers(self) -> dict[str, dict[str, Any]]:
        files = self.files
        small = files.put("/small", b"small")
        files.put("/canary", CANARY)
        outside = f"http://{OUTSIDE}:{files.port}/canary"
        urls = {
            **{status: files.status(f"/{status}", int(status)) for status in STATUSES},
            "nobody listens": f"http://{HOST}:9/a",
            "hangs": files.hang("/hangs"),
            "drips": files.pour("/drips", 2**16, 2**16, drip_s=0.05),
            "says nothing": files.status("/204", 204),
            "too large, as announced": files.pour("/announced", MIB + 1, MIB + 1),
            "too large, in chunks": files.pour("/chunks", None, MIB + 1),
            "less than announced": files.pour("/less", 1000, 500),
            "redirected inside": files.redirect("/inside", outside),
            "redirected to a file": files.redirect("/file", "file:///etc/passwd"),
            "redirected for ever": files.redirect("/ever", "/ever"),
            "an address inside": outside,
        }
        return {
            **{name: {"storage_path": url} for name, url in urls.items()},
            "other md5": {"storage_path": small, "content_md5": "0" * 32},
        }

    def _paths(self) -> dict[str, dict[str, Any]]:
        folder, canary = self.folder, self.canary
        (folder / "large").write_bytes(bytes(MIB + 1))
        (folder / "link").symlink_to(canary)
        (folder / "way").symlink_to(canary.parent)
        (folder / "folder").mkdir()
        os.mkfifo(folder / "pipe")
        os.mknod(folder / "socket", stat.S_IFSOCK | 0o600)
        for beside in (f"{folder.name}2", "other"):
            (folder.parent / beside).mkdir()
            (folder.parent / beside / "a").write_bytes(CANARY)
        paths = {
            "too large a file": "large",
            "no such file": "nothing",
            "a path outside": str(canary),
            "a path that climbs": f"../../../{canary.name}",
            "a path that climbs from inside": f"folder/../../{canary.name}",
            "a folder with the same beginning": f"{folder}2/a",
            "another tenant's": str(folder.parent / "other" / "a"),
            "a link": "link",
            "a link in the way": f"way/{canary.name}",
            "a pipe": "pipe",
            "a socket": "socket",
            "a folder": "folder",
            "a device": "device",
            "of the kernel": "/proc/self/environ",
        }
        return {
            name: {"storage_path": path, "fetch_mode": "filesystem"} for name, path in paths.items()
        }

    def _has_device(self) -> bool:
        try:
            os.mknod(self.folder / "device", stat.S_IFCHR | 0o600, os.makedev(1, 5))  # zeros
        except PermissionError:
            return False
        return True


STATUSES = ("404", "410", "429", "500")


@dataclass(frozen=True)
class Told:
    """By message: its first event and its report. opened: the canary was. mails: that came."""

    events: dict[str, dict[str, Any]]
    reports: dict[str, dict[str, Any]]
    opened: bool
    outside: list[str]
    mails: int


async def all_told(home: Path) -> Told:
    """Post them all, and wait for what is told of each."""
    instance = Instance("myserver", home / "myserver")
    async with SmtpSink() as relay, FileServer() as files:
        main = Installation(instance, {**environment(home), **SETTINGS}, relay, files)
        try:
            await main.start()
            await main.prepare()
            folder = instance.folder / "attachments" / "acme"
            folder.mkdir(mode=0o700, parents=True)
            canary = instance.folder / "canary"
            canary.write_bytes(CANARY)
            with Watched(canary) as watched:
                entries = Failures(files, folder, canary).entries()
                await post(main, {name: [entry] for name, entry in entries.items()})
                await files.wait_for(len(entries))
                opened = watched.was_opened
                canary.read_bytes()
                assert watched.was_opened  # or the watching would prove nothing
            found = {name: await first_event(main, name) for name in entries}
        finally:
            await asyncio.to_thread(end, instance)
        assert sorted(entry["id"] for entry in files.entries) == sorted(entries)
        reports = {entry["id"]: entry for entry in files.entries}
        return Told(found, reports, opened, files.outside, relay.count)


async def post(main: Installation, attachments: dict[str, list[dict[str, Any]]]) -> None:
    usual = {"from": "a@acme.example", "to": "b@x.example", "subject": "s", "body": "b"}
    messages = [{"id": id_, **usual, "attachments": found} for id_, found in attachments.items()]
    told = await main.call("addMessages", tenant_id="acme", messages=messages)
    assert not told["rejected"], told


async def first_event(main: Installation, id_: str) -> dict[str, Any]:
    events = (await main.call("getMessageEvents", tenant_id="acme", id=id_))["events"]
    found: dict[str, Any] = events[0]
    return found


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    return asyncio.run(all_told(tmp_path_factory.mktemp("failures")))


@pytest.mark.parametrize("name", TABLE)
def test_a_failure_has_its_outcome_and_its_reason_in_event_and_report(
    told: Told, name: str
) -> None:
    if name not in told.events:
        pytest.skip("this user cannot make devices")
    status, reason = TABLE[name]
    event, report = told.events[name], told.reports[name]
    field = {"error": "error", "deferred": "deferred_reason"}[status]
    assert event["event_type"] == status, event
    assert str(report[field]).startswith(reason), report
    assert event["event_data"][field] == report[field]


def test_nothing_outside_was_opened_asked_for_or_sent(told: Told) -> None:
    assert not told.opened
    assert told.outside == []
    assert told.mails == 0
    everything = str(told.events) + str(told.reports)
    assert "canary" not in everything.replace("http://", "")


def test_no_reason_tells_a_path_or_a_query(told: Told) -> None:
    for name, report in told.reports.items():
        reason = report.get("error") or report["deferred_reason"]
        assert not re.search(r"/\w|\?", reason), (name, reason)


@pytest.mark.parametrize(
    ("entry", "field"),
    [
        ({"storage_path": "base64:SGVsbG8*"}, "storage_path"),
        ({"fetch_mode": "base64", "storage_path": "SGVsb"}, "storage_path"),
        ({"fetch_mode": "base64", "storage_path": "*" * 200_000}, "storage_path"),
        (posted(NAME, b"posted", content_md5="0" * 32), "content_md5"),
        (posted(NAME, bytes(200_000), content_md5="0" * 32), "content_md5"),
    ],
    ids=("no letter of it", "cut", "large", "other md5", "large, other md5"),
)
async def test_a_posted_content_that_is_wrong_is_refused_by_its_field(
    running: Any, entry: dict[str, Any], field: str
) -> None:
    async with running() as main:
        with pytest.raises(RejectedBatch) as refused:
            await post(main, {"m": [{"filename": NAME, **entry}]})
        spooled = [p for p in (main.instance.folder / "spool").rglob("*") if p.is_file()]
    (rejection,) = refused.value.detail["rejected"]
    assert rejection["field"] == f"attachments[0].{field}"
    assert not spooled


async def test_a_link_that_is_swapped_in_all_the_time_never_leads_outside(running: Any) -> None:
    count = sized(200, 5_000)
    async with running() as main:
        folder = main.instance.folder / "attachments" / "acme"
        (folder / "way").mkdir(mode=0o700, parents=True)
        outside = main.instance.folder / "outside"
        outside.mkdir()
        canary = outside / "a"
        canary.write_bytes(CANARY)
        (folder / "way" / "a").write_bytes(b"inside")
        (folder / "a").write_bytes(b"inside")
        with Watched(canary) as watched, swapping(folder, outside):
            for first in range(0, count, 100):
                paths = [("a", "way/a")[n % 2] for n in range(100)]
                await post(
                    main,
                    {
                        # A name of its own for each, or they would share one fetch.
                        f"m{first + n}": [file_of(NAME, f"{'./' * n}{path}", **FILE)]
                        for n, path in enumerate(paths)
                    },
                )
                await main.until_empty()
            opened = watched.was_opened
            canary.read_bytes()
            assert watched.was_opened  # or the watching would prove nothing
        statuses = await main.statuses()
        mails = [attached(mail.data) for mail in main.relay.messages]
    print(f"a link swapped in a loop: {statuses}")
    assert not opened
    assert mails == [[(NAME, b"inside")]] * len(mails)
    assert len(mails) == statuses["sent"]
    assert statuses["sent"] + statuses["error"] == count
    assert min(statuses.values()) > 0  # both were met


FILE = {"fetch_mode": "filesystem"}


@contextmanager
def swapping(folder: Path, outside: Path) -> Iterator[None]:
    """Put links to the outside in the place of a file and of a folder, and these back, all the
    time."""
    is_over = threading.Event()

    def swap() -> None:
        (folder / "link").symlink_to(outside / "a")
        (folder / "way link").symlink_to(outside)
        while not is_over.is_set():
            for name, link in (("a", "link"), ("way", "way link")):
                exchange(folder / name, folder / link)

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def exchange(one: Path, other: Path) -> None:
    """In one step, so there is always something under both names."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(AT_FDCWD, bytes(one), AT_FDCWD, bytes(other), RENAME_EXCHANGE) < 0:
        raise OSError(ctypes.get_errno(), "renameat2", str(one))


AT_FDCWD = -100
RENAME_EXCHANGE = 2
