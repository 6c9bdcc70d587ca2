"""Where the shells' scripts and the manual's pages lie, in a package and in a checkout."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

_PACKAGE = Path(__file__).parents[1]

# The scripts by shell: the name of the file here, and where it goes below a data directory.
SHELLS = {
    "bash": ("mail-proxy.bash", "bash-completion/completions/mail-proxy"),
    "zsh": ("_mail-proxy", "zsh/site-functions/_mail-proxy"),
    "fish": ("mail-proxy.fish", "fish/vendor_completions.d/mail-proxy.fish"),
}


def script(shell: str) -> Path:
    """The script of one of SHELLS."""
    return _shipped("completions") / SHELLS[shell][0]


def pages() -> list[Path]:
    """The pages of the manual, by name: `man1/mail-proxy.1` and so on."""
    return sorted(_shipped("man").glob("man[1-9]/*.[1-9]"))


def page(name: str) -> Path | None:
    """The page of that name, as `mail-proxy-filters.7`."""
    found = _shipped("man") / f"man{name[-1]}" / name
    return found if found.is_file() else None


def data_home(environ: Mapping[str, str]) -> Path:
    """The data directory of the user, as the XDG base directories have it."""
    given = environ.get("XDG_DATA_HOME", "")
    if given.startswith("/"):  # the specification has others ignored
        return Path(given)
    home = environ.get("HOME")
    return (Path(home) if home else Path.home()) / ".local" / "share"


def _shipped(folder: str) -> Path:
    """A wheel has them in the package; a checkout, also one that pip has linked, beside it."""
    inside = _PACKAGE / "share" / folder
    return inside if inside.is_dir() else _PACKAGE.parent / folder
