"""`completion install`, `bash`, `zsh`, `fish`: what makes the Tab key know our words.

Files go to the data directories of the user alone; no file that a shell reads at its start is
ever changed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

import typer

from mail_proxy.cli.errors import CommandFailed
from mail_proxy.cli.exit_codes import ExitCode
from mail_proxy.cli.grammar import Family
from mail_proxy.cli.here import Here, here
from mail_proxy.completion.scripts import SHELLS, data_home, pages, script

app = Family()


class Shell(StrEnum):
    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


_SHELL = typer.Option(None, "--shell", help="For this one; default: the shell of SHELL.")


@app.command()
def install(
    ctx: typer.Context,
    shell: Shell | None = _SHELL,
    dry_run: bool = typer.Option(False, "--dry-run", help="Only say what would be written."),
) -> None:
    """Write the script of your shell, and the manual pages, where they are looked for.

    All goes below XDG_DATA_HOME, by default ~/.local/share. No file of your shell is changed; what
    must stand in one is printed.

    Examples:
      mail-proxy completion install
      mail-proxy completion install --shell zsh
    """
    found = here(ctx)
    chosen = (shell or _shell_of(found.environ)).value
    data = data_home(found.environ)
    target = data / SHELLS[chosen][1]
    files = {target: script(chosen)} | {
        data / "man" / page.parent.name / page.name: page for page in pages()
    }
    if dry_run:
        found.writer.would(
            f"write {target} and {len(files) - 1} pages below {data / 'man'}",
            files=[str(path) for path in files],
        )
        return
    for path, source in files.items():
        _write(path, source.read_bytes())
    line = _line_for(chosen, target)
    found.writer.done(
        {"shell": chosen, "files": [str(path) for path in files], "line": line},
        f"Wrote {target}\nWrote {len(files) - 1} pages below {data / 'man'}",
    )
    found.writer.hint(_hint_for(chosen, line))


def _shell_of(environ: Mapping[str, str]) -> Shell:
    name = Path(environ.get("SHELL", "")).name
    if name not in SHELLS:
        raise CommandFailed(
            "SHELL names none of bash, zsh and fish: say which with --shell",
            tries=("mail-proxy completion install --shell bash",),
            code=ExitCode.USAGE,
        )
    return Shell(name)


def _write(path: Path, content: bytes) -> None:
    """In one step, so that a shell that starts meanwhile reads no half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        new.write_bytes(content)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def _line_for(shell: str, target: Path) -> str | None:
    """What the file that the shell reads at its start may have to say."""
    if shell == "zsh":
        return f"fpath=({_quoted(target.parent)} $fpath)"
    return f"source {_quoted(target)}" if shell == "bash" else None


def _quoted(path: Path) -> str:
    import shlex

    return shlex.quote(str(path))


def _hint_for(shell: str, line: str | None) -> str:
    match shell:
        case "zsh":
            return f"Put this into ~/.zshrc, before compinit, where it is not yet:\n  {line}"
        case "bash":
            return (
                "New shells have it where the package bash-completion is. "
                f"Elsewhere put this into ~/.bashrc:\n  {line}"
            )
        case _:
            return "New shells have it."


def _print(found: Here, shell: str) -> None:
    text = script(shell).read_text()
    found.writer.done({"shell": shell, "script": text}, text.rstrip("\n"))


@app.command()
def bash(ctx: typer.Context) -> None:
    """Print the script for bash.

    Examples:
      mail-proxy completion bash > /etc/bash_completion.d/mail-proxy
    """
    _print(here(ctx), "bash")


@app.command()
def zsh(ctx: typer.Context) -> None:
    """Print the script for zsh.

    Examples:
      mail-proxy completion zsh > /usr/local/share/zsh/site-functions/_mail-proxy
    """
    _print(here(ctx), "zsh")


@app.command()
def fish(ctx: typer.Context) -> None:
    """Print the script for fish.

    Examples:
      mail-proxy completion fish > ~/.config/fish/completions/mail-proxy.fish
    """
    _print(here(ctx), "fish")
