from __future__ import annotations

import io
from pathlib import Path

import pytest

from mail_proxy.cli.errors import Cancelled, CommandFailed, InputNeeded
from mail_proxy.cli.globals import GlobalOptions
from mail_proxy.cli.passwords import PasswordOptions, find_password
from mail_proxy.cli.prompts import Prompter


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


class Interrupted(Tty):
    def readline(self, *_: int) -> str:  # type: ignore[override] # a person pressing Ctrl-C
        raise KeyboardInterrupt


def prompter(
    typed: str = "", *, environ: dict[str, str] | None = None, **options: bool
) -> Prompter:
    return Prompter(GlobalOptions(**options), Tty(typed), Tty(), environ or {})


def test_a_question_needs_a_terminal_on_both_sides() -> None:
    assert prompter().is_possible
    assert not Prompter(GlobalOptions(), io.StringIO(), Tty(), {}).is_possible
    assert not Prompter(GlobalOptions(), Tty(), io.StringIO(), {}).is_possible
    assert not prompter(no_input=True).is_possible
    assert not prompter(environ={"MAIL_PROXY_NO_INPUT": "1"}).is_possible


def test_yes_goes_on_and_anything_else_does_not() -> None:
    prompter("y\n").confirm("Sure?")
    for typed in ("\n", "n\n", "No\n", ""):
        with pytest.raises(Cancelled):
            prompter(typed).confirm("Sure?")


def test_a_garbled_answer_is_asked_again() -> None:
    prompter("yo\n?\nyes\n").confirm("Sure?")
    with pytest.raises(Cancelled):
        prompter("yo\nno\n").confirm("Sure?")
    assert prompter("what\n\n").offer("Test it?")
    assert not prompter("what\nn\n").offer("Test it?")


def test_before_a_command_its_own_question_is_put_with_what_it_is_about() -> None:
    asking = prompter("y\n")
    asking.confirm_command("deleteAccount", tenant_id="acme", account_id="a\x1b[31m")
    assert asking._stderr.getvalue() == (
        "Delete account 'a[31m' of 'acme'? Mail that waits for it cannot go. [y/N] "
    )
    with pytest.raises(Cancelled):
        prompter("\n").confirm_command("suspend", instance="my")


@pytest.mark.parametrize(
    ("command", "fields"), [("suspend", {"tenant_id": "acme"}), ("activate", {}), ("nothing", {})]
)
def test_a_command_that_does_no_damage_asks_nothing(command: str, fields: dict[str, str]) -> None:
    asking = prompter()
    asking.confirm_command(command, **fields)
    assert asking._stderr.getvalue() == ""


def test_the_yes_option_asks_nothing() -> None:
    prompter(yes=True, no_input=True).confirm("Sure?")


def test_without_a_terminal_the_missing_option_is_named() -> None:
    with pytest.raises(InputNeeded, match="--yes"):
        prompter("y\n", no_input=True).confirm("Sure?")


def test_the_worst_wants_the_name_typed() -> None:
    prompter("my\n").confirm_name("Delete?", "my", confirmed=None, forced=False)
    with pytest.raises(Cancelled):
        prompter("y\n").confirm_name("Delete?", "my", confirmed=None, forced=False)


def test_yes_is_not_enough_for_the_worst() -> None:
    with pytest.raises(InputNeeded, match="--confirm my"):
        prompter(yes=True, no_input=True).confirm_name(
            "Delete?", "my", confirmed=None, forced=False
        )


def test_confirm_with_the_right_name_asks_nothing() -> None:
    silent = prompter(no_input=True)
    silent.confirm_name("Delete?", "my", confirmed="my", forced=False)
    silent.confirm_name("Delete?", "my", confirmed=None, forced=True)
    with pytest.raises(InputNeeded):
        silent.confirm_name("Delete?", "my", confirmed="other", forced=False)


def test_ctrl_c_at_a_question_cancels() -> None:
    with pytest.raises(Cancelled):
        Prompter(GlobalOptions(), Interrupted(), Tty(), {}).confirm("Sure?")


# --- passwords ---


def found(
    options: PasswordOptions, *, stdin: str = "", environ: dict[str, str] | None = None
) -> tuple[str | None, list[str]]:
    warnings: list[str] = []
    password = find_password(
        options, stdin=io.StringIO(stdin), environ=environ or {}, warn=warnings.append
    )
    return password, warnings


def test_a_password_is_the_first_line_of_its_file(tmp_path: Path) -> None:
    path = tmp_path / "pw"
    path.write_text("s3cret \nmore\n")
    path.chmod(0o600)
    assert found(PasswordOptions(file=str(path))) == ("s3cret ", [])


def test_a_password_file_that_others_can_read_is_told(tmp_path: Path) -> None:
    path = tmp_path / "pw"
    path.write_text("s3cret")
    path.chmod(0o644)
    password, warnings = found(PasswordOptions(file=str(path)))
    assert password == "s3cret"
    assert "can be read by others" in warnings[0]


@pytest.mark.parametrize("options", [PasswordOptions(file="-"), PasswordOptions(from_stdin=True)])
def test_a_password_may_come_from_stdin(options: PasswordOptions) -> None:
    assert found(options, stdin="s3cret\r\n")[0] == "s3cret"


def test_a_password_on_the_line_works_with_a_warning() -> None:
    password, warnings = found(PasswordOptions(value="s3cret"))
    assert password == "s3cret"
    assert len(warnings) == 1
    assert "s3cret" not in warnings[0]


def test_the_environment_is_asked_last() -> None:
    environ = {"MAIL_PROXY_SMTP_PASSWORD": "env"}
    assert found(PasswordOptions(), environ=environ)[0] == "env"
    assert found(PasswordOptions(from_stdin=True), stdin="in", environ=environ)[0] == "in"
    assert found(PasswordOptions())[0] is None


def test_a_password_file_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="cannot read"):
        found(PasswordOptions(file=str(tmp_path / "no")))
