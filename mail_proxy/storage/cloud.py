"""S3, Google Cloud Storage and Azure, by the libraries of the extra `large-files`.

They are imported when a place is first used, and their errors go no further than this module.
"""

from __future__ import annotations

import base64
import importlib
import importlib.util
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from mail_proxy.domain.errors import ConfigurationError, MailProxyError
from mail_proxy.domain.large_files import Place, Protocol
from mail_proxy.domain.safe_text import safe_text
from mail_proxy.observe.redact import redact
from mail_proxy.storage.errors import NotStored, StorageFailed
from mail_proxy.storage.objects import Digest, Shown

EXTRA = "mail-proxy[large-files]"
# A part is in memory two or three times. S3 takes none that is smaller than 5 MiB; the clients of
# the others send larger ones than 1 MiB in a way that stops their event loop.
_PART_BYTES = {Protocol.S3: 5 * 2**20, Protocol.GS: 2**20, Protocol.AZ: 2**20}
CONNECT_TIMEOUT_S = 10
READ_TIMEOUT_S = 60
_MODULES = {Protocol.S3: "s3fs", Protocol.GS: "gcsfs", Protocol.AZ: "adlfs"}
_MD5 = re.compile(r"[0-9a-f]{32}\Z")
_SHOWN_CHARS = 300


class CloudObjects:
    """Below `root`, a bucket and a prefix, of a file system of fsspec."""

    def __init__(self, protocol: Protocol, filesystem: Any, root: str) -> None:
        self._protocol = protocol
        self._fs = filesystem
        self._root = root

    def write(self, key: str, blocks: Iterator[bytes], mime_type: str) -> None:
        with _translated():
            part_bytes = _PART_BYTES[self._protocol]
            typed = self._typed(mime_type)
            file = self._fs.open(self._path(key), "wb", block_size=part_bytes, **typed)
            try:
                for block in blocks:
                    file.write(block)
            except BaseException:
                # Closing it would make an object of the part that came.
                with suppress(Exception):
                    file.discard()
                file.closed = True
                raise
            file.close()

    def check(self, key: str, digest: Digest) -> None:
        with _translated():
            self._fs.invalidate_cache()
            try:
                told = self._told(key)
            except FileNotFoundError as error:
                raise NotStored("an uploaded file is not there") from error
        size, md5 = told
        if size != digest.size_bytes:
            raise NotStored("an uploaded file has another size")
        if md5 is not None and md5 != digest.md5:
            raise NotStored("an uploaded file has another hash")

    def link(self, key: str, shown: Shown, *, expires_s: int) -> str:
        options: dict[str, Any]
        match self._protocol:
            case Protocol.S3:
                options = {
                    "ResponseContentDisposition": shown.disposition,
                    "ResponseContentType": shown.mime_type,
                }
            case Protocol.AZ:
                options = {
                    "content_disposition": shown.disposition,
                    "content_type": shown.mime_type,
                }
            case _:
                options = {
                    "version": "v4",
                    "response_disposition": shown.disposition,
                    "response_type": shown.mime_type,
                }
        with _translated():
            return str(self._fs.sign(self._path(key), expiration=expires_s, **options))

    def remove(self, key: str) -> None:
        with _translated(), suppress(FileNotFoundError):
            self._fs.rm_file(self._path(key))

    def _path(self, key: str) -> str:
        return f"{self._root}/{key}"

    def _typed(self, mime_type: str) -> dict[str, Any]:
        match self._protocol:
            case Protocol.S3:
                return {"ContentType": mime_type}
            case Protocol.AZ:
                return {"content_settings": {"content_type": mime_type}}
            case _:
                return {"content_type": mime_type}

    def _told(self, key: str) -> tuple[int, str | None]:
        """What the place says of an object: its size, and its MD5 where that is the content's."""
        path = self._path(key)
        if self._protocol is Protocol.S3:
            bucket, _, name = path.partition("/")
            head = self._fs.call_s3("head_object", Bucket=bucket, Key=name)
            return int(head["ContentLength"]), _md5_of_etag(head)
        info = self._fs.info(path)
        md5 = info.get("md5Hash")
        if self._protocol is Protocol.AZ:
            md5 = getattr(info.get("content_settings"), "content_md5", None)
        if isinstance(md5, str):
            md5 = base64.b64decode(md5)
        return int(info["size"]), bytes(md5).hex() if md5 else None


def _md5_of_etag(head: Mapping[str, Any]) -> str | None:
    """Not of what came in parts, each of which has its own checksum, nor under a key of KMS."""
    etag = str(head.get("ETag", "")).strip('"').lower()
    is_plain = head.get("ServerSideEncryption") in (None, "AES256")
    has_own_key = head.get("SSECustomerAlgorithm") is not None
    return etag if _MD5.match(etag) and is_plain and not has_own_key else None


# --- their libraries ---


def check_installed(place: Place) -> None:
    """Raises ConfigurationError that names the extra, where its library is not there."""
    module = _MODULES.get(place.protocol)
    if module is not None and importlib.util.find_spec(module) is None:
        raise _missing(place.protocol)


def open_cloud(place: Place, auth: Mapping[str, Any]) -> CloudObjects:
    """It blocks, a second and more where the library is imported. Raises ConfigurationError."""
    check_installed(place)
    # Else gcsfs loads gRPC and asks another service about each bucket before it uses it.
    os.environ.setdefault("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
    try:
        module = importlib.import_module(_MODULES[place.protocol])
    except ImportError as error:
        raise _missing(place.protocol) from error
    root = "/".join(part for part in (place.bucket, place.prefix) if part)
    with _translated():
        return CloudObjects(place.protocol, _filesystem(place.protocol, module, auth), root)


def _filesystem(protocol: Protocol, module: Any, auth: Mapping[str, Any]) -> Any:
    # fsspec keeps every instance, and the credentials in it, for ever: ours go with the tenant's.
    common = {"skip_instance_cache": True, "use_listings_cache": False}
    if protocol is Protocol.S3:
        return module.S3FileSystem(
            key=auth.get("key"),
            secret=auth.get("secret"),
            endpoint_url=auth.get("endpoint_url"),
            client_kwargs={"region_name": auth["region"]} if auth.get("region") else {},
            config_kwargs={
                "connect_timeout": CONNECT_TIMEOUT_S,
                "read_timeout": READ_TIMEOUT_S,
                "signature_version": "s3v4",
            },
            **common,
        )
    if protocol is Protocol.AZ:
        return module.AzureBlobFileSystem(
            account_name=auth.get("account_name"),
            account_key=auth.get("account_key"),
            connection_string=auth.get("connection_string"),
            connection_timeout=CONNECT_TIMEOUT_S,
            read_timeout=READ_TIMEOUT_S,
            **common,
        )
    return module.GCSFileSystem(
        token=auth.get("service_account"),
        endpoint_url=auth.get("endpoint_url"),
        timeout=READ_TIMEOUT_S,
        **common,
    )


def _missing(protocol: Protocol) -> ConfigurationError:
    return ConfigurationError(
        f"files at {protocol}:// need the extra large-files, which is not installed",
        hint=f"pip install '{EXTRA}'",
    )


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except MailProxyError:
        raise
    except Exception as error:  # three libraries raise dozens of kinds, of no family
        raise StorageFailed(_sentence(error), detail=_detail(error)) from error


def _sentence(error: Exception) -> str:
    """For everybody; what the library said may name hosts and keys."""
    cause: BaseException | None = error
    while cause is not None:
        kinds = {kind.__name__ for kind in type(cause).__mro__}
        for named, sentence in _SENTENCES:
            if kinds & named:
                return sentence
        cause = cause.__cause__ or cause.__context__
    return f"the storage failed ({type(error).__name__})"


# By name: none of these libraries need be there.
_SENTENCES = (
    ({"FileNotFoundError", "ResourceNotFoundError"}, "the bucket or container is not there"),
    (
        {"PermissionError", "ClientAuthenticationError", "NoCredentialsError", "RefreshError"},
        "access is denied",
    ),
    (
        {
            *("ConnectionError", "TimeoutError", "EndpointConnectionError", "HTTPClientError"),
            *("ClientConnectionError", "ServiceRequestError", "TransportError"),
        },
        "the storage cannot be reached",
    ),
)


def _detail(error: Exception) -> str:
    return safe_text(redact(f"{type(error).__name__}: {error}"), _SHOWN_CHARS)
