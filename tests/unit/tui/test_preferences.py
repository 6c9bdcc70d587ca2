"""What a user has chosen: their keys, their theme."""

from __future__ import annotations

from pathlib import Path

import pytest

from mail_proxy.domain.errors import ConfigurationError
from mail_proxy_tui.preferences import Preferences, check_keys, load_preferences


def test_without_files_nothing_is_chosen(tmp_path: Path) -> None:
    assert load_preferences(tmp_path) == Preferences(tmp_path)


def test_keys_are_read_by_action(tmp_path: Path) -> None:
    (tmp_path / "dashboard.toml").write_text('[keys]\npause = "x"\n')
    assert load_preferences(tmp_path).keys == {"pause": "x"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("keys = 3", "'keys' is not a table"),
        ("[keys]\npause = 3", "keys.pause"),
        ("[keys]\npause = x\n", "line 2"),
    ],
)
def test_a_wrong_file_is_named_with_the_place(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "dashboard.toml").write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        load_preferences(tmp_path)
    assert "dashboard.toml" in str(caught.value)
    assert told in str(caught.value)


def test_an_action_that_there_is_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"keys.puase.*There are: pause"):
        check_keys(Preferences(tmp_path, keys={"puase": "x"}), frozenset({"pause"}))


def test_a_theme_is_kept_and_found_again(tmp_path: Path) -> None:
    folder = tmp_path / "made" / "now"
    Preferences(folder).keep_theme("nord")
    assert load_preferences(folder).theme == "nord"


@pytest.mark.parametrize("content", [b"\0\0\0", b"nord\0", b"\xff\xfe", b"a\nb", b""])
def test_what_is_no_name_of_a_theme_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "theme").write_bytes(content)
    assert load_preferences(tmp_path).theme == ""


def test_a_folder_that_cannot_be_made_is_no_failure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    Preferences(tmp_path / "file").keep_theme("nord")
