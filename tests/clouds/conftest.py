"""Emulators of the clouds, on this machine and nowhere else; each on a port of its own.

S3 (moto) checks no signatures, and GCS's neither; Azure's (azurite) does.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.faults.profile import lacks

BUCKET = "letters"
_AZURE_KEY = (  # azurite's own, the same everywhere
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)


@dataclass(frozen=True)
class Cloud:
    """A place as a tenant's configuration names it."""

    storage_url: str
    auth: dict[str, Any]


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    boto3 = pytest.importorskip("boto3", reason="needs the extra large-files")
    pytest.importorskip("moto", reason="needs moto[s3]")
    # Its command takes a port; a free one is asked for by the class behind it.
    program = (
        "import time; from moto.moto_server.threaded_moto_server import ThreadedMotoServer as S;"
        "s = S(ip_address='127.0.0.1', port=0, verbose=False); s.start();"
        "print('on port %d' % s.get_host_and_port()[1], flush=True); time.sleep(3600)"
    )
    folder = tmp_path_factory.mktemp("moto")
    with _started([sys.executable, "-c", program], r"on port (\d+)", folder) as port:
        auth = {
            "key": "test",
            "secret": "test-secret",
            "region": "us-east-1",
            "endpoint_url": f"http://127.0.0.1:{port}",
        }
        boto3.client(
            "s3",
            endpoint_url=auth["endpoint_url"],
            aws_access_key_id=auth["key"],
            aws_secret_access_key=auth["secret"],
            region_name=auth["region"],
        ).create_bucket(Bucket=BUCKET)
        yield Cloud(f"s3://{BUCKET}/mail/large", auth)


@pytest.fixture(scope="session")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    blob = pytest.importorskip("azure.storage.blob", reason="needs the extra large-files")
    program = os.environ.get("MAIL_PROXY_AZURITE") or shutil.which("azurite-blob")
    if program is None:
        lacks("needs azurite: npm install -g azurite")
    folder = tmp_path_factory.mktemp("azurite")
    words = ["--blobHost", "127.0.0.1", "--blobPort", "0", "--inMemoryPersistence"]
    words += ["--disableTelemetry", "--skipApiVersionCheck"]
    with _started([program, *words], r"listens on http://127\.0\.0\.1:(\d+)", folder) as port:
        text = (
            "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;"
            f"AccountKey={_AZURE_KEY};BlobEndpoint=http://127.0.0.1:{port}/devstoreaccount1;"
        )
        with blob.BlobServiceClient.from_connection_string(text) as service:
            service.create_container(BUCKET)
        yield Cloud(f"az://{BUCKET}/mail/large", {"connection_string": text})


@pytest.fixture(scope="session")
def gcs() -> Iterator[Cloud]:
    # Not imported here: before our code has set its environment it would speak gRPC for a minute.
    if importlib.util.find_spec("gcsfs") is None:
        lacks("needs the extra large-files")
    emulator = pytest.importorskip("gcp_storage_emulator.server", reason="needs its package")
    _let_uploads_be_cancelled(emulator)
    server = emulator.create_server("127.0.0.1", 0, in_memory=True, default_bucket=BUCKET)
    server.start()
    while server._api._httpd is None:  # it says that it runs a moment before it does
        threading.Event().wait(0.01)
    tokens = ThreadingHTTPServer(("127.0.0.1", 0), _Tokens)
    threading.Thread(target=tokens.serve_forever, daemon=True).start()
    auth = {
        "endpoint_url": f"http://127.0.0.1:{server._api._httpd.server_address[1]}",
        "service_account": _service_account(f"http://127.0.0.1:{tokens.server_port}/token"),
    }
    yield Cloud(f"gs://{BUCKET}/mail/large", auth)
    server.stop()
    tokens.shutdown()
    tokens.server_close()


def _let_uploads_be_cancelled(emulator: Any) -> None:
    """Google answers 499; the emulator has no such verb, and a 501 is tried again for 30 s."""

    def cancel(request: Any, response: Any, *_: Any, **__: Any) -> None:
        assert "upload_id" in request.query
        response.status = SimpleNamespace(value=499, phrase="Client Closed Request")

    (uploads,) = [
        verbs
        for _, verbs in emulator.HANDLERS
        if verbs.get(emulator.PUT) is emulator.objects.upload_partial
    ]
    uploads[emulator.DELETE] = cancel


@pytest.fixture(params=["s3", "azure", "gcs"])
def cloud(request: pytest.FixtureRequest) -> Cloud:
    found: Cloud = request.getfixturevalue(request.param)
    return found


class _Tokens(BaseHTTPRequestHandler):
    """Gives an access token to whoever asks."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps({"access_token": "t", "expires_in": 3600, "token_type": "Bearer"})
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        """To nobody."""


def _service_account(token_uri: str) -> dict[str, str]:
    """A key of nobody's, made for this run."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return {
        "type": "service_account",
        "project_id": "test",
        "private_key_id": "1",
        "private_key": key.decode(),
        "client_email": "test@test.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": token_uri,
    }


@contextmanager
def _started(words: list[str], says: str, folder: Path) -> Iterator[str]:
    """A server as a process; the part of what it says that names its port."""
    process = subprocess.Popen(
        words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if found := re.search(says, line):
                break
        else:
            raise RuntimeError(f"{words[0]} has ended with {process.wait()}")
        reader = threading.Thread(target=process.stdout.read, daemon=True)  # else it would block
        reader.start()
        yield found[1]
    finally:
        process.terminate()
        process.wait(20)
        reader.join(5)
        process.stdout.close()
