"""What `doctor` says of completion and manual: are they there, and of this version?"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from mail_proxy.cli.finding import Finding, passed, warned
from mail_proxy.completion.scripts import SHELLS, data_home, page, script

_FIX = "mail-proxy completion install"


def check_completion(environ: Mapping[str, str]) -> Finding:
    """The script of the person's own shell."""
    shell = Path(environ.get("SHELL", "")).name
    if shell not in SHELLS:
        return passed("completion", f"not looked for: SHELL names none of {', '.join(SHELLS)}")
    places = [folder / SHELLS[shell][1] for folder in _data_folders(environ)]
    return _compared("completion", f"the script of {shell}", places, script(shell))


def check_manual(environ: Mapping[str, str]) -> Finding:
    """The first page stands for all."""
    if shutil.which("man", path=environ.get("PATH", "")) is None:
        return passed("manual", "there is no `man` here; mail-proxy help has the same text")
    name = "mail-proxy.1"
    folders = [Path(each) for each in environ.get("MANPATH", "").split(":") if each]
    folders += [folder / "man" for folder in _data_folders(environ)]
    return _compared("manual", "the manual", [each / "man1" / name for each in folders], page(name))


def _data_folders(environ: Mapping[str, str]) -> Iterator[Path]:
    """In the order of shells and `man`: the person's own, the installation's, the machine's."""
    yield data_home(environ)
    yield Path(sys.prefix) / "share"
    shared = environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share"
    yield from (Path(folder) for folder in shared.split(":") if folder.startswith("/"))


def _compared(check: str, what: str, places: list[Path], ours: Path | None) -> Finding:
    found = next((place for place in places if place.is_file()), None)
    if found is None or ours is None:
        return warned(check, f"{what} is not installed", _FIX)
    if found.read_bytes() != ours.read_bytes():
        return warned(check, f"{found} is of another version", _FIX)
    return passed(check, f"{found} is of this version")
