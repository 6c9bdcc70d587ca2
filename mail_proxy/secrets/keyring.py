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
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mail_proxy.domain.errors import ConfigurationError, SecretsUnavailable
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

    given: the 32 bytes of the environment variable, or None.
    path: our own key file; made by `settle` for a new database without a key.
    mounted: where a container platform puts the key.
    """

    def __init__(self, given: bytes | None, path: Path, *, mounted: Path = MOUNTED) -> None:
        if given is not None and len(given) != keyfile.KEY_BYTES:
            raise ConfigurationError(f"{VARIABLE} is not a key: 32 bytes in base64")
        self._given = given
        self._path = path
        self._mounted = mounted
        self._cipher: AESGCM | None = None
        self._key_id = ""
        self._problem = "the encryption key has not been looked for yet"

    @property
    def is_usable(self) -> bool:
        return self._cipher is not None

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
            return self.seal(_CHECK_TEXT, **_CHECK_PLACE)
        try:
            found_or_none = self._find()
        except ConfigurationError as error:
            return self._refuse(str(error), recorded)
        if found_or_none is None:
            return self._refuse(f"the encryption key is lost: {self._path} is missing", recorded)
        return self._settle_recorded(found_or_none, recorded)

    def seal(self, text: str, *, table: str, tenant_id: str, row: str, column: str) -> str:
        """Encrypt for one place. Raises SecretsUnavailable."""
        cipher = self._ready()
        nonce = os.urandom(_NONCE_BYTES)
        place = _place(table, tenant_id, row, column)
        sealed = nonce + cipher.encrypt(nonce, text.encode("utf-8", "surrogatepass"), place)
        return f"{MARK}:{self._key_id}:{base64.b64encode(sealed).decode('ascii')}"

    def open(self, value: str, *, table: str, tenant_id: str, row: str, column: str) -> str:
        """Decrypt what `seal` made for the same place.

        Raises SecretsUnavailable: no key, another key, or a value that was changed or moved.
        """
        cipher = self._ready()
        sealed = self._parse(value, f"{table}.{column}")
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
        try:
            self.open(recorded, **_CHECK_PLACE)
        except SecretsUnavailable:
            self._cipher = None
            return self._refuse(
                f"the key of {found.source} is not the one this database was written with",
                recorded,
            )
        return recorded

    def _use(self, key: bytes) -> None:
        self._cipher = AESGCM(key)
        # A name for the key that tells nothing of it: 32 bits of a keyed hash.
        self._key_id = hmac.new(key, b"mail-proxy key id", hashlib.sha256).hexdigest()[:8]
        self._problem = ""

    def _refuse(self, problem: str, recorded: str) -> str:
        self._problem = problem
        return recorded

    def _ready(self) -> AESGCM:
        if self._cipher is None:
            raise SecretsUnavailable(
                self._problem, hint=f"put the key back: {VARIABLE}, {self._mounted} or {self._path}"
            )
        return self._cipher

    def _parse(self, value: str, where: str) -> bytes:
        mark, _, rest = value.partition(":")
        key_id, _, encoded = rest.partition(":")
        if mark != MARK or not encoded:
            raise SecretsUnavailable(f"a secret in {where} is not in its encrypted form")
        if key_id != self._key_id:
            raise SecretsUnavailable(f"a secret in {where} was written with another key")
        try:
            sealed = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            sealed = b""
        if len(sealed) < _NONCE_BYTES + _TAG_BYTES:
            raise SecretsUnavailable(f"a secret in {where} is damaged")
        return sealed


def _place(*parts: str) -> bytes:
    """Each part after its length, so that no two places look the same."""
    encoded = [part.encode("utf-8", "surrogatepass") for part in parts]
    return b"".join(len(part).to_bytes(4, "big") + part for part in encoded)
