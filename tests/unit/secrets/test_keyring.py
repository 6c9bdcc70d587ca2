from __future__ import annotations

import base64
import stat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mail_proxy.domain.errors import ConfigurationError, SecretsUnavailable
from mail_proxy.secrets import Keyring
from mail_proxy.secrets.keyring import _place

PLACE = {"table": "accounts", "tenant_id": "acme", "row": "main", "column": "password_enc"}
KEY = bytes(range(32))
OTHER = bytes(range(1, 33))


def settled(folder, given=KEY) -> Keyring:
    keyring = folder.keyring(given)
    keyring.settle(None)
    return keyring


# --- values ---


def test_what_was_sealed_opens_at_its_place(folder):
    keyring = settled(folder)
    assert keyring.open(keyring.seal("pässword", **PLACE), **PLACE) == "pässword"


def test_a_sealed_value_names_its_key_and_hides_its_text(folder):
    value = settled(folder).seal("hunter2", **PLACE)
    mark, key_id, encoded = value.split(":")
    assert (mark, len(key_id)) == ("ENC", 8)
    assert len(base64.b64decode(encoded)) == 12 + len("hunter2") + 16
    assert b"hunter2" not in base64.b64decode(encoded)


def test_the_same_text_is_never_sealed_to_the_same_value(folder):
    keyring = settled(folder)
    assert keyring.seal("a", **PLACE) != keyring.seal("a", **PLACE)


@pytest.mark.parametrize("part", sorted(PLACE))
def test_a_value_moved_to_another_place_does_not_open(folder, part):
    keyring = settled(folder)
    value = keyring.seal("a", **PLACE)
    with pytest.raises(SecretsUnavailable, match="changed, or moved"):
        keyring.open(value, **{**PLACE, part: "elsewhere"})


places = st.lists(st.text("ab\x00", max_size=2), min_size=4, max_size=4)


@settings(max_examples=50)
@given(places, places)
def test_two_places_are_never_encoded_alike(one, other):
    assert (_place(*one) == _place(*other)) == (one == other)


def test_parts_that_run_together_are_still_two_places():
    assert _place("ab", "c") != _place("a", "bc")


@pytest.mark.parametrize("at", [0, 12, -1])
def test_a_changed_byte_is_noticed(folder, at):
    keyring = settled(folder)
    mark, key_id, encoded = keyring.seal("secret", **PLACE).split(":")
    sealed = bytearray(base64.b64decode(encoded))
    sealed[at] ^= 1
    with pytest.raises(SecretsUnavailable, match="changed"):
        keyring.open(f"{mark}:{key_id}:{base64.b64encode(sealed).decode()}", **PLACE)


@pytest.mark.parametrize("value", ["", "plain", "ENC:", "ENC:12345678:", "enc:a:b"])
def test_a_value_that_is_not_encrypted_is_refused(folder, value):
    with pytest.raises(SecretsUnavailable, match="not in its encrypted form"):
        settled(folder).open(value, **PLACE)


@pytest.mark.parametrize("encoded", ["!!!", "AAAA", "\u00e9"])
def test_a_damaged_value_is_refused(folder, encoded):
    keyring = settled(folder)
    key_id = keyring.seal("a", **PLACE).split(":")[1]
    with pytest.raises(SecretsUnavailable, match="damaged"):
        keyring.open(f"ENC:{key_id}:{encoded}", **PLACE)


def test_a_value_of_another_key_is_told_from_a_damaged_one(folder):
    value = settled(folder, OTHER).seal("a", **PLACE)
    with pytest.raises(SecretsUnavailable, match="written with another key"):
        settled(folder).open(value, **PLACE)


def test_an_error_never_shows_the_text(folder):
    keyring = settled(folder)
    value = keyring.seal("hunter2", **PLACE)
    with pytest.raises(SecretsUnavailable) as caught:
        keyring.open(value, **{**PLACE, "row": "x"})
    assert "hunter2" not in repr(caught.value)


# --- where the key comes from ---


def test_a_new_database_without_a_key_gets_one_that_only_its_owner_reads(folder):
    keyring = settled(folder, None)
    assert keyring.is_usable
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o600
    assert len(base64.b64decode(folder.path.read_bytes())) == 32
    assert [path.name for path in folder.path.parent.iterdir()] == ["secret.key"]


def test_a_made_key_is_found_at_the_next_start(folder):
    first = folder.keyring()
    recorded = first.settle(None)
    value = first.seal("a", **PLACE)
    second = folder.keyring()
    assert second.settle(recorded) == recorded
    assert second.open(value, **PLACE) == "a"


def test_a_key_that_lies_there_is_used_for_a_new_database(folder):
    folder.path.write_bytes(base64.b64encode(KEY))
    settled(folder, None)
    assert folder.path.read_bytes() == base64.b64encode(KEY)


def test_no_file_is_made_when_a_key_is_given(folder):
    settled(folder, KEY)
    assert not folder.path.exists()


def test_open_rights_of_the_key_file_are_repaired(folder):
    folder.path.write_bytes(base64.b64encode(KEY))
    folder.path.chmod(0o644)
    settled(folder, None)
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o600


def test_a_given_key_wins_over_a_mounted_one_and_that_over_the_file(folder):
    folder.mounted.write_bytes(OTHER)
    folder.path.write_bytes(base64.b64encode(bytes(32)))
    by_given, by_mounted = settled(folder, KEY), settled(folder, None)
    assert by_given.seal("a", **PLACE)[:12] == settled(folder, KEY).seal("a", **PLACE)[:12]
    assert by_mounted.seal("a", **PLACE)[:12] == settled(folder, OTHER).seal("a", **PLACE)[:12]


@pytest.mark.parametrize("raw", [b" " * 31 + b"\n", b"\n" * 32, b"\x00" * 32])
def test_a_raw_mounted_key_is_never_stripped(folder, raw):
    folder.mounted.write_bytes(raw)
    value = settled(folder, None).seal("a", **PLACE)
    assert settled(folder, raw).open(value, **PLACE) == "a"


def test_a_mounted_key_may_be_base64_with_a_line_end(folder):
    folder.mounted.write_bytes(base64.b64encode(KEY) + b"\n")
    value = settled(folder, None).seal("a", **PLACE)
    assert settled(folder, KEY).open(value, **PLACE) == "a"


@pytest.mark.parametrize("text", [b"", b"short", KEY + b"\n", b"A" * 44, b"A" * 5000])
def test_a_file_that_holds_no_key_stops_a_new_database(folder, text):
    folder.path.write_bytes(text)
    with pytest.raises(ConfigurationError, match="does not hold a key"):
        folder.keyring().settle(None)
    assert folder.path.read_bytes() == text


def test_a_symbolic_link_is_not_taken_for_our_key_file(folder):
    folder.mounted.write_bytes(base64.b64encode(KEY))
    folder.path.symlink_to(folder.mounted)
    with pytest.raises(ConfigurationError, match="cannot read the key file"):
        Keyring(None, folder.path, mounted=folder.path.parent / "none").settle(None)


def test_a_given_key_of_the_wrong_length_is_refused(folder):
    with pytest.raises(ConfigurationError, match="MAIL_PROXY_ENCRYPTION_KEY"):
        folder.keyring(b"short")


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match="cannot make the key file"):
        Keyring(None, tmp_path / "no" / "secret.key", mounted=tmp_path / "x").settle(None)


# --- lost and wrong keys ---


def test_a_lost_key_makes_the_keyring_unusable_and_makes_no_new_one(folder):
    recorded = folder.keyring().settle(None)
    folder.path.unlink()
    keyring = folder.keyring()
    assert keyring.settle(recorded) == recorded
    assert not keyring.is_usable
    assert "lost" in keyring.problem
    assert not folder.path.exists()


def test_a_wrong_key_makes_the_keyring_unusable(folder):
    recorded = folder.keyring(KEY).settle(None)
    keyring = folder.keyring(OTHER)
    assert keyring.settle(recorded) == recorded
    assert not keyring.is_usable
    assert "not the one this database was written with" in keyring.problem


def test_a_broken_key_file_is_a_problem_and_no_crash_for_a_known_database(folder):
    recorded = folder.keyring(KEY).settle(None)
    folder.path.write_bytes(b"rubbish")
    keyring = folder.keyring()
    keyring.settle(recorded)
    assert "does not hold a key" in keyring.problem
    assert folder.path.read_bytes() == b"rubbish"


def test_an_unusable_keyring_neither_seals_nor_opens(folder):
    recorded = folder.keyring(KEY).settle(None)
    value = settled(folder).seal("a", **PLACE)
    keyring = folder.keyring(OTHER)
    keyring.settle(recorded)
    with pytest.raises(SecretsUnavailable, match="not the one"):
        keyring.seal("a", **PLACE)
    with pytest.raises(SecretsUnavailable, match="not the one"):
        keyring.open(value, **PLACE)


def test_a_keyring_is_unusable_before_it_is_settled(folder):
    keyring = folder.keyring(KEY)
    assert not keyring.is_usable
    with pytest.raises(SecretsUnavailable):
        keyring.seal("a", **PLACE)


def test_a_check_value_that_was_changed_is_a_wrong_key(folder):
    recorded = folder.keyring(KEY).settle(None)
    keyring = folder.keyring(KEY)
    keyring.settle(recorded[:-4] + "AAAA")
    assert not keyring.is_usable


def test_a_usable_keyring_has_no_problem(folder):
    assert settled(folder).problem == ""
