"""TLS: the options, with real handshakes, and one line for whatever is wrong with a certificate."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme

from tricorn import Config
from tricorn.config import create_ssl_context
from tricorn.testing import serve


async def app(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": scope["scheme"].encode()})


class Files:
    """An authority, a server's certificate and key, and a client's, as files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = trustme.CA()
        server = self.authority.issue_cert("localhost", "127.0.0.1")
        self.ca, self.cert, self.key, self.both = (str(folder / name) for name in ("ca", "cert", "key", "both"))
        self.authority.cert_pem.write_to_path(self.ca)
        server.cert_chain_pems[0].write_to_path(self.cert)
        server.private_key_pem.write_to_path(self.key)
        server.private_key_and_cert_chain_pem.write_to_path(self.both)

    def client(self, certificate: bool = False) -> ssl.SSLContext:
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        if certificate:
            self.authority.issue_cert("client@example.org").configure_cert(context)
        return context


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return Files(tmp_path_factory.mktemp("tls"))


async def ask(url: str, context: ssl.SSLContext) -> str:
    async with httpx.AsyncClient(verify=context) as client:
        return (await client.get(url)).text


async def test_a_certificate_with_its_key_in_one_file_or_two(files: Files) -> None:
    for options in ({"ssl_certfile": files.both}, {"ssl_certfile": files.cert, "ssl_keyfile": Path(files.key)}):
        async with serve(app, **options) as url:
            assert url.startswith("https://")
            assert await ask(url, files.client()) == "https"


async def test_a_client_certificate_may_be_required(files: Files) -> None:
    async with serve(app, ssl_certfile=files.both, ssl_ca_certs=files.ca, ssl_cert_reqs=ssl.CERT_REQUIRED) as url:
        assert await ask(url, files.client(certificate=True)) == "https"
        with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError, httpx.ConnectError)):
            await ask(url, files.client())


async def test_a_client_certificate_may_be_asked_for(files: Files) -> None:
    async with serve(app, ssl_certfile=files.both, ssl_ca_certs=files.ca, ssl_cert_reqs=ssl.CERT_OPTIONAL) as url:
        assert await ask(url, files.client()) == "https"
        assert await ask(url, files.client(certificate=True)) == "https"


async def test_ciphers_and_protocol_are_chosen(files: Files) -> None:
    async with serve(
        app, ssl_certfile=files.both, ssl_ciphers="ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES256-GCM-SHA384"
    ) as url:
        context = files.client()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]), ssl=context)
        assert "AES256-GCM-SHA384" in writer.get_extra_info("cipher")[0]
        writer.close()
        assert await reader.read() == b""


async def test_the_protocols_of_the_plugins_are_offered(files: Files) -> None:
    async with serve(app, ssl_certfile=files.both, http="h11") as url:
        context = files.client()
        context.set_alpn_protocols(["http/1.1"])
        _, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]), ssl=context)
        assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == "http/1.1"
        writer.close()


async def test_a_factory_may_change_the_usual_context_or_make_its_own(files: Files) -> None:
    def stricter(config: Config, usual: Any) -> ssl.SSLContext:
        context: ssl.SSLContext = usual()
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        return context

    async with serve(app, ssl_certfile=files.both, ssl_context_factory=stricter) as url:
        assert await ask(url, files.client()) == "https"

    def own(config: Config, usual: Any) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(files.both)
        return context

    async with serve(app, ssl_context_factory=own) as url:
        assert await ask(url, files.client()) == "https"


async def test_a_program_makes_the_usual_context_as_with_uvicorn(files: Files) -> None:
    context = create_ssl_context(files.cert, files.key, None, 17, 2, files.ca, None, ["http/1.1"])
    assert (context.verify_mode, len(context.get_ca_certs())) == (ssl.CERT_REQUIRED, 1)
    async with serve(app, ssl_context_factory=lambda config, usual: context) as url:
        assert await ask(url, files.client(certificate=True)) == "https"


async def test_a_client_that_never_shakes_hands_is_cut(files: Files) -> None:
    async with serve(app, ssl_certfile=files.both, timeout_tls_handshake=0.2) as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        assert await asyncio.wait_for(reader.read(), 30) == b""
        writer.close()


async def test_plain_http_on_a_tls_port_harms_nobody(files: Files) -> None:
    async with serve(app, ssl_certfile=files.both) as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        await asyncio.wait_for(reader.read(), 30)
        writer.close()
        assert await ask(url, files.client()) == "https"


def encrypted(files: Files) -> str:
    """The server's key again, behind the password `secret`."""
    from cryptography.hazmat.primitives import serialization as s

    key = s.load_pem_private_key(Path(files.key).read_bytes(), None)
    locked = s.BestAvailableEncryption(b"secret")
    path = files.folder / "locked"
    path.write_bytes(key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, locked))
    return str(path)


async def test_a_key_may_be_encrypted(files: Files) -> None:
    options = {"ssl_certfile": files.cert, "ssl_keyfile": encrypted(files), "ssl_keyfile_password": "secret"}
    async with serve(app, **options) as url:
        assert await ask(url, files.client()) == "https"


def wrong(files: Files) -> dict[str, tuple[dict[str, Any], str]]:
    other = trustme.CA().issue_cert("elsewhere")
    stranger = files.folder / "stranger"
    other.private_key_pem.write_to_path(stranger)
    (files.folder / "text").write_text("hello")
    text, locked = str(files.folder / "text"), encrypted(files)
    return {
        "missing": ({"ssl_certfile": "nowhere"}, "Cannot read the TLS certificate nowhere (--ssl-certfile): no such"),
        "missing key": (
            {"ssl_certfile": files.cert, "ssl_keyfile": "nowhere"},
            "Cannot read the TLS key nowhere (--ssl-keyfile): no such file or directory.",
        ),
        "key alone": ({"ssl_keyfile": files.key}, "--ssl-keyfile needs --ssl-certfile"),
        "no key": ({"ssl_certfile": files.cert}, "holds no private key: name the file that does with --ssl-keyfile."),
        "text": ({"ssl_certfile": text}, "text (--ssl-certfile) holds no certificate in PEM form."),
        "text key": ({"ssl_certfile": files.cert, "ssl_keyfile": text}, "text (--ssl-keyfile) holds no private key"),
        "mismatch": (
            {"ssl_certfile": files.cert, "ssl_keyfile": str(stranger)},
            "does not belong to the certificate in",
        ),
        "encrypted": (
            {"ssl_certfile": files.cert, "ssl_keyfile": locked},
            "locked (--ssl-keyfile) is encrypted: give --ssl-keyfile-password.",
        ),
        "wrong password": (
            {"ssl_certfile": files.cert, "ssl_keyfile": locked, "ssl_keyfile_password": "x"},
            "--ssl-keyfile-password does not open the TLS key in",
        ),
        "authorities": ({"ssl_certfile": files.both, "ssl_ca_certs": text}, "text (--ssl-ca-certs) holds no certific"),
        "no authorities": ({"ssl_certfile": files.both, "ssl_cert_reqs": 2}, "--ssl-cert-reqs 2 needs --ssl-ca-certs"),
        "requirement": ({"ssl_certfile": files.both, "ssl_cert_reqs": 7}, "--ssl-cert-reqs is 0, 1 or 2, not 7."),
        "ciphers": ({"ssl_certfile": files.both, "ssl_ciphers": "ROT13"}, "--ssl-ciphers 'ROT13' selects no cipher."),
        "factory": ({"ssl_context_factory": lambda config, usual: 7}, "must return an ssl.SSLContext, not a int."),
    }


def test_whatever_is_wrong_is_one_line_that_names_file_and_option(
    files: Files, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, (options, message) in wrong(files).items():
        caplog.clear()
        with pytest.raises(SystemExit) as caught:
            Config(app, log_config=None, **options).load()
        assert caught.value.code == 3
        assert len(caplog.messages) == 1, name
        assert message in caplog.messages[0], name
        assert "\n" not in caplog.messages[0], name
