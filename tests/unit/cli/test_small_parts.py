"""The parts that everything else uses: exit codes, global options, colours."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from mail_proxy.cli.colour import wants_colour
from mail_proxy.cli.crash import without_secrets
from mail_proxy.cli.errors import CommandFailed
from mail_proxy.cli.exit_codes import MEANING, ExitCode, exit_code_of
from mail_proxy.cli.globals import hoist
from mail_proxy.domain import errors

# --- exit codes ---


def test_every_exit_code_has_words() -> None:
    assert set(MEANING) == set(ExitCode)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.Invalid("x"), 2),
        (errors.NotRunning("x"), 3),
        (errors.NotFound("x"), 4),
        (errors.Unauthorized("x"), 5),
        (errors.Forbidden("x"), 5),
        (PermissionError(), 5),
        (errors.Conflict("x"), 7),
        (errors.Locked("x"), 7),
        (TimeoutError(), 8),
        (errors.StoreError("x"), 1),
        (RuntimeError(), 1),
    ],
)
def test_an_error_has_the_exit_code_of_its_kind(error: Exception, code: int) -> None:
    assert exit_code_of(error) == code


# --- global options ---


def test_global_options_are_taken_from_anywhere() -> None:
    options, rest = hoist(["my", "--json", "acme", "-q", "info", "--fields", "a, b", "-y"])
    assert rest == ["my", "acme", "info"]
    assert (options.output, options.quiet, options.yes) == ("json", 1, True)
    assert options.fields == ("a", "b")


def test_a_file_to_write_to_is_left_to_the_command() -> None:
    options, rest = hoist(["my", "--output", "a.jsonl", "--output=./b", "--output", "csv"])
    assert options.output == "csv"
    assert rest == ["my", "--output", "a.jsonl", "--output=./b"]


def test_values_may_follow_an_equals_sign() -> None:
    options, rest = hoist(["--home=/x", "list", "--output=csv", "--color=never"])
    assert (options.home, options.output, options.color) == (Path("/x"), "csv", "never")
    assert rest == ["list"]


def test_nothing_is_taken_after_two_dashes() -> None:
    options, rest = hoist(["x", "--", "--json", "-q"])
    assert options.output is None
    assert rest == ["x", "--", "--json", "-q"]


def test_qq_is_twice_quiet() -> None:
    assert hoist(["-qq"])[0].quiet == 2
    assert hoist(["-q", "-q"])[0].quiet == 2


@pytest.mark.parametrize(
    "argv", [["--output", "yaml"], ["--output"], ["--color=blue"], ["--fields", ","], ["--home="]]
)
def test_a_bad_value_of_a_global_option_is_wrong_usage(argv: list[str]) -> None:
    with pytest.raises(CommandFailed) as failed:
        hoist(argv)
    assert failed.value.code == ExitCode.USAGE


# --- colours ---


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("choice", "environ", "is_tty", "coloured"),
    [
        ("auto", {}, True, True),
        ("auto", {}, False, False),
        ("always", {"NO_COLOR": "1"}, False, True),
        ("never", {"FORCE_COLOR": "1"}, True, False),
        ("auto", {"NO_COLOR": "1", "FORCE_COLOR": "1"}, True, False),
        ("auto", {"NO_COLOR": ""}, True, True),
        ("auto", {"CLICOLOR": "0"}, True, False),
        ("auto", {"FORCE_COLOR": "1"}, False, True),
        ("auto", {"CLICOLOR_FORCE": "1"}, False, True),
        ("auto", {"CLICOLOR_FORCE": "0"}, False, False),
        ("auto", {"TERM": "dumb"}, True, False),
    ],
)
def test_one_function_decides_on_colours(
    choice: str, environ: dict[str, str], is_tty: bool, coloured: bool
) -> None:
    stream = Tty() if is_tty else io.StringIO()
    assert wants_colour(choice, environ, stream) is coloured


def test_the_values_of_secret_options_are_hidden() -> None:
    line = ["my", "--password", "pw", "--auth-token=tok", "--host", "h"]
    assert without_secrets(line) == [
        "my",
        "--password",
        "********",
        "--auth-token=********",
        "--host",
        "h",
    ]
