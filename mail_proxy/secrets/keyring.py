"""Values at rest: `ENC:<key id>:<base64(nonce, ciphertext, tag)>`, AES-256-GCM.

The place of a value (table, tenant, row, column) is authenticated with it, so that a value which is
copied elsewhere in the database does not open there.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mail_proxy.domain.errors import ConfigurationError, Conflict, SecretsUnavailable
from mail_proxy.secrets import keyfile

MARK = "ENC"
VARIABLE = "MAIL_PROXY_ENCRYPTION_KEY"
MOUNTED = Path("/run/secrets/encryption_key")
_NONCE_BYTES = 12
_TAG_BYTES = 16
_CHECK_TEXT = "mail-proxy"
_CHECK_PLACE = {"table": "instance", "tenant_id": "", "row": "key_check", "column": "value"}


@dataclass(frozen=True, slots=True)
class _Found:
    """A key, and where it was."""

    key: bytes
    source: str

    def __repr__(self) -> str:
        return f"_Found(source={self.source!r})"


class Keyring:
    """The key of one database. Unusable until `settle`, and after it when the key does not fit.

    While the key is replaced there are two: `secret.key`, which everything was sealed with, and
    `secret.key.next`, which everything is sealed with from now on. Each step leaves files and
    values from which the next start goes on.

    given: the 32 bytes of the environment variable, or None.
    path: our own key file; made by `settle` for a new database without a key.
    mounted: where a container platform puts the key.
    """

    def __init__(self, given: bytes | None, path: Path, *, mounted: Path = MOUNTED) -> None:
        if given is not None and len(given) != keyfile.KEY_BYTES:
            raise ConfigurationError(f"{VARIABLE} is not a key: 32 bytes in base64")
        self._given = given
        self._path = path
        self._next_path = path.with_name(f"{path.name}.next")
        self._mounted = mounted
        self._ciphers: dict[str, AESGCM] = {}  # by key id; two while the key is replaced
        self._key_id = ""  # of the one that seals
        self._old_id = ""  # of the one that is being replaced
        self._problem = "the encryption key has not been looked for yet"

    @property
    def is_usable(self) -> bool:
        return bool(self._ciphers)

    @property
    def old_mark(self) -> str:
        """What values of the key that is being replaced begin with; empty when none is."""
        return f"{MARK}:{self._old_id}:" if self._old_id else ""

    @property
    def problem(self) -> str:
        """Why secrets cannot be read, as a sentence; empty when they can."""
        return self._problem

    def settle(self, recorded: str | None) -> str:
        """Find the key, or make it for a new database; the check value to record.

        recorded: the check value in the database, None for a new one. A lost or wrong key makes
        the keyring unusable; nothing is made or changed then. Raises ConfigurationError when a
        new database cannot have a key.
        """
        if recorded is None:
            found = self._find() or _Found(keyfile.make(self._path), str(self._path))
            self._use(found.key)
            return self.check()
        try:
            found_or_none = self._find()
            following = keyfile.read_own(self._next_path)
        except ConfigurationError as error:
            return self._refuse(str(error), recorded)
        if found_or_none is None:
            return self._refuse(f"the encryption key is lost: {self._path} is missing", recorded)
        if found_or_none.source == str(self._path) and following is not None:
            return self._settle_replacement(found_or_none, following, recorded)
        return self._settle_recorded(found_or_none, recorded)

    def check(self) -> str:
        """A check value of the key that seals now. Raises SecretsUnavailable."""
        return self.seal(_CHECK_TEXT, **_CHECK_PLACE)

    # --- another key ---

    def begin_replacement(self) -> None:
        """From now on another key seals, and both open. Harmless where that has begun before.

        Raises Conflict where the key is not in our own file, SecretsUnavailable.
        """
        self._ready()
        if self._old_id:
            return
        found = self._find()
        if found is None or found.source != str(self._path):
            where = found.source if found else str(self._path)
            raise Conflict(
                f"the encryption key comes from {where} and cannot be replaced here",
                hint="unset it and put its value into secret.key, or keep it",
            )
        self._use(found.key, following=keyfile.make(self._next_path))

    def reseal(self, value: str, *, table: str, tenant_id: str, row: str, column: str) -> str:
        """The same under the key that seals now. Raises SecretsUnavailable."""
        place = {"table": table, "tenant_id": tenant_id, "row": row, "column": column}
        return self.seal(self.open(value, **place), **place)

    def end_replacement(self) -> None:
        """The new key takes the place of the old one, which is gone then.

        Called when the check value of the new key is recorded. Raises ConfigurationError.
        """
        keyfile.promote(self._next_path, self._path)
        self._old_id = (
            ""  # its cipher stays: a read may have begun before the last value was sealed
        )

    def replace_lost(self) -> str:
        """A new key, where the right one is gone for good; the check value to record.

        What is sealed stays as it is, and unreadable. A file that does not fit is put aside.
        Raises Conflict where a key can be used, or where a wrong one comes from elsewhere.
        """
        if self._ciphers:
            raise Conflict("the encryption key is not lost", hint="rotate it without --lost")
        if self._given is not None or keyfile.read_mounted(self._mounted) is not None:
            raise Conflict("the encryption key comes from elsewhere: take it away there first")
        self._put_aside()
        self._use(keyfile.make(self._path))
        return self.check()

    def _put_aside(self) -> None:
        """Under a name of its own: it may be the right one for another database."""
        if self._path.exists():
            name = hashlib.sha256(self._path.read_bytes()).hexdigest()[:8]
            keyfile.promote(self._path, self._path.with_name(f"{self._path.name}.unfit-{name}"))

    def _settle_replacement(self, found: _Found, following: bytes, recorded: str) -> str:
        """A replacement was cut off: before its check value was recorded it goes on, after it the
        file alone is still to be renamed."""
        self._use(found.key, following=following)
        if recorded.startswith(f"{MARK}:{self._key_id}:") and self._fits(recorded):
            self.end_replacement()
            return recorded
        if self._fits(recorded):
            return recorded
        return self._settle_recorded(found, recorded)

    def seal(self, text: str, *, table: str, tenant_id: str, row: str, column: str) -> str:
        """Encrypt for one place. Raises SecretsUnavailable."""
        self._ready()
        nonce = os.urandom(_NONCE_BYTES)
        place = _place(table, tenant_id, row, column)
        sealed = nonce + self._ciphers[self._key_id].encrypt(
            nonce, text.encode("utf-8", "surrogatepass"), place
        )
        return f"{MARK}:{self._key_id}:{base64.b64encode(sealed).decode('ascii')}"

    def open(self, value: str, *, table: str, tenant_id: str, row: str, column: str) -> str:
        """Decrypt what `seal` made for the same place.

        Raises SecretsUnavailable: no key, another key, or a value that was changed or moved.
        """
        self._ready()
        cipher, sealed = self._parse(value, f"{table}.{column}")
        place = _place(table, tenant_id, row, column)
        try:
            opened = cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], place)
        except InvalidTag:
            raise SecretsUnavailable(
                f"a secret in {table}.{column} was changed, or moved from another row"
            ) from None
        return opened.decode("utf-8", "surrogatepass")

    def _find(self) -> _Found | None:
        if self._given is not None:
            return _Found(self._given, VARIABLE)
        mounted = keyfile.read_mounted(self._mounted)
        if mounted is not None:
            return _Found(mounted, str(self._mounted))
        own = keyfile.read_own(self._path)
        return None if own is None else _Found(own, str(self._path))

    def _settle_recorded(self, found: _Found, recorded: str) -> str:
        self._use(found.key)
        if self._fits(recorded):
            return recorded
        self._ciphers, self._old_id = {}, ""
        return self._refuse(
            f"the key of {found.source} is not the one this database was written with", recorded
        )

    def _fits(self, recorded: str) -> bool:
        with suppress(SecretsUnavailable):
            return self.open(recorded, **_CHECK_PLACE) == _CHECK_TEXT
        return False

    def _use(self, key: bytes, *, following: bytes | None = None) -> None:
        """following: the key that replaces it, and seals."""
        keys = [key] if following is None else [following, key]
        # First of all: other threads seal and open meanwhile.
        self._ciphers = {_id_of(key): AESGCM(key) for key in keys}
        self._old_id = "" if following is None else _id_of(key)
        self._key_id = _id_of(keys[0])
        self._problem = ""

    def _refuse(self, problem: str, recorded: str) -> str:
        self._problem = problem
        return recorded

    def _ready(self) -> None:
        if not self._ciphers:
            raise SecretsUnavailable(
                self._problem, hint=f"put the key back: {VARIABLE}, {self._mounted} or {self._path}"
            )

    def _parse(self, value: str, where: str) -> tuple[AESGCM, bytes]:
        mark, _, rest = value.partition(":")
        key_id, _, encoded = rest.partition(":")
        if mark != MARK or not encoded:
            raise SecretsUnavailable(f"a secret in {where} is not in its encrypted form")
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise SecretsUnavailable(f"a secret in {where} was written with another key")
        try:
            sealed = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            sealed = b""
        if len(sealed) < _NONCE_BYTES + _TAG_BYTES:
            raise SecretsUnavailable(f"a secret in {where} is damaged")
        return cipher, sealed


def _id_of(key: bytes) -> str:
    """A name for the key that tells nothing of it: 32 bits of a keyed hash."""
    return hmac.new(key, b"mail-proxy key id", hashlib.sha256).hexdigest()[:8]


def _place(*parts: str) -> bytes:
    """Each part after its length, so that no two places look the same."""
    encoded = [part.encode("utf-8", "surrogatepass") for part in parts]
    return b"".join(len(part).to_bytes(4, "big") + part for part in encoded)
