"""TLS contexts from the `ssl_*` options, and in one line what is wrong with a certificate or a key."""

from __future__ import annotations

import logging
import os
import ssl
import sys
from types import SimpleNamespace
from typing import Any

logger = logging.getLogger("tricorn.error")


SHUTDOWN_TIME = 3.0
"""Seconds in which a client must confirm the end of a TLS connection."""


class TlsError(Exception):
    """The context cannot be made: one line for the user."""


def finished_context(config: Any) -> ssl.SSLContext | None:
    """The context that a plugin has put into `config.ssl`, or what the options ask for, or None without TLS.

    It offers the protocols of the selected HTTP plugins (RFC 7301), best first. Raises TlsError.
    """
    context = config.ssl
    if context is None and config.is_ssl:
        context = make_context(config)
    if context is not None:
        names = [name for plugin in config.selected["http"] for name in plugin.provider.alpn]
        context.set_alpn_protocols(list(dict.fromkeys(names)))
    return context  # type: ignore[no-any-return]


def make_context(config: Any) -> ssl.SSLContext:
    """The context that the options describe, or what `ssl_context_factory` makes.

    The factory is called with the configuration and a function without arguments that gives the usual context. Raises
    TlsError.
    """
    if config.ssl_context_factory is None:
        return _from_files(config)
    made = config.ssl_context_factory(config, lambda: _from_files(config))
    if not isinstance(made, ssl.SSLContext):
        raise TlsError(f"ssl_context_factory must return an ssl.SSLContext, not a {type(made).__name__}.")
    return made


def create_ssl_context(
    certfile: Any,
    keyfile: Any,
    password: str | None,
    ssl_version: int,
    cert_reqs: int,
    ca_certs: Any,
    ciphers: str | None,
    alpn_protocols: list[str] | None = None,
) -> ssl.SSLContext:
    """The context of these files: uvicorn's function of this name. Raises TlsError."""
    context = _from_files(
        SimpleNamespace(
            ssl_certfile=certfile,
            ssl_keyfile=keyfile,
            ssl_keyfile_password=password,
            ssl_version=ssl_version,
            ssl_cert_reqs=cert_reqs,
            ssl_ca_certs=ca_certs,
            ssl_ciphers=ciphers,
        )
    )
    if alpn_protocols:
        context.set_alpn_protocols(alpn_protocols)
    return context


def _from_files(config: Any) -> ssl.SSLContext:
    if not config.ssl_certfile:
        given = "--ssl-keyfile" if config.ssl_keyfile else "The usual TLS context"
        raise TlsError(f"{given} needs --ssl-certfile: the certificate that the key belongs to.")
    context = ssl.SSLContext(int(config.ssl_version))
    _load_certificate(context, config)
    try:
        context.verify_mode = ssl.VerifyMode(config.ssl_cert_reqs)
    except ValueError:
        raise TlsError(f"--ssl-cert-reqs is 0, 1 or 2, not {config.ssl_cert_reqs}.") from None
    if config.ssl_ca_certs:
        _readable(config.ssl_ca_certs, "authorities", "--ssl-ca-certs")
        try:
            context.load_verify_locations(config.ssl_ca_certs)
        except ssl.SSLError as error:
            raise TlsError(f"{config.ssl_ca_certs} (--ssl-ca-certs) holds no certificates: {_text(error)}.") from error
    elif context.verify_mode == ssl.CERT_REQUIRED:
        raise TlsError("--ssl-cert-reqs 2 needs --ssl-ca-certs: without authorities every client would be refused.")
    if config.ssl_ciphers:
        try:
            context.set_ciphers(config.ssl_ciphers)
        except ssl.SSLError as error:
            raise TlsError(f"--ssl-ciphers {config.ssl_ciphers!r} selects no cipher.") from error
    return context


def _load_certificate(context: ssl.SSLContext, config: Any) -> None:
    """Load certificate and key. An encrypted key without a password is asked for on a terminal, by OpenSSL."""
    certificate, key = config.ssl_certfile, config.ssl_keyfile
    _readable(certificate, "certificate", "--ssl-certfile")
    if key:
        _readable(key, "key", "--ssl-keyfile")
    wants_password = False

    def password() -> str:
        nonlocal wants_password
        wants_password = True
        return config.ssl_keyfile_password or ""

    silent = config.ssl_keyfile_password is not None or sys.stdin is None or not sys.stdin.isatty()
    try:
        context.load_cert_chain(certificate, key, password if silent else None)
    except ssl.SSLError as error:
        where = f"{key} (--ssl-keyfile)" if key else f"{certificate} (--ssl-certfile)"
        if wants_password and not config.ssl_keyfile_password:
            reason = f"The TLS key in {where} is encrypted: give --ssl-keyfile-password."
        elif wants_password:
            reason = f"--ssl-keyfile-password does not open the TLS key in {where}."
        elif error.reason == "KEY_VALUES_MISMATCH":
            reason = f"The TLS key in {where} does not belong to the certificate in {certificate} (--ssl-certfile)."
        else:
            reason = _not_pem(certificate, key, _text(error))
        raise TlsError(reason) from error


def _not_pem(certificate: Any, key: Any, reason: str) -> str:
    """Which of the files OpenSSL cannot read, which it does not say itself."""
    files = ((certificate, "--ssl-certfile", b"CERTIFICATE"), (key or certificate, "--ssl-keyfile", b"KEY"))
    for path, option, mark in files:
        with open(path, "rb") as file:
            if b"-----BEGIN" not in (text := file.read()) or mark + b"-----" not in text:
                what = "certificate" if mark == b"CERTIFICATE" else "private key"
                if path == certificate and mark == b"KEY":
                    return f"{path} (--ssl-certfile) holds no private key: name the file that does with --ssl-keyfile."
                return f"{path} ({option}) holds no {what} in PEM form."
    return f"The TLS certificate {certificate} (--ssl-certfile) cannot be used: {reason}."


def _readable(path: Any, what: str, option: str) -> None:
    try:
        with open(path, "rb"):
            pass
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise TlsError(f"Cannot read the TLS {what} {os.fspath(path)} ({option}): {reason}.") from error


def _text(error: ssl.SSLError) -> str:
    return (error.reason or str(error)).replace("_", " ").lower()


def listen_options(config: Any) -> dict[str, Any]:
    """What `loop.create_server` takes besides a socket: TLS, where it is configured."""
    if config.ssl is None:
        return {}
    # Asyncio knows no handshake without a limit; a day is none in practice.
    options: dict[str, Any] = {"ssl": config.ssl, "ssl_handshake_timeout": config.timeout_tls_handshake or 86400.0}
    if sys.version_info >= (3, 11):
        options["ssl_shutdown_timeout"] = SHUTDOWN_TIME
    return options
