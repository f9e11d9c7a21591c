"""`tricorn dev [APP]`: the server as one wants it while writing the application.

It is the ordinary command with other defaults: reload, the keys of the terminal, the next port where one is taken, and
the plugins that tell of a blocked event loop and keep a 500 from becoming a CORS error, where they are installed. Every
option of the ordinary command may be given, and has the last word. One it has for itself: `--https`, which stands for a
certificate that is made for it.
"""

from __future__ import annotations

from collections.abc import Sequence

import click

from tricorn.catalogue import installing
from tricorn.registry import PluginError, Registry

RELOAD = "reload"
"""The supervisor that restarts on changes and reads the keys."""

HELPFUL = ("blocked", "cors")
"""Side plugins that are switched on where they are installed."""

HTTPS = click.Option(
    ["--https"], is_flag=True, expose_value=False,
    help="With dev: serve HTTPS, with a certificate made by trustme.",
)  # fmt: skip
"""What the help says of it; it never gets as far as the parser."""


def dev_arguments(arguments: Sequence[str], registry: Registry) -> list[str]:
    """The arguments of the ordinary command. Raises PluginError where the supervisor is not installed."""
    if RELOAD not in registry.names("supervisor"):
        raise PluginError(f"tricorn dev needs the supervisor plugin {RELOAD!r}: {installing('supervisor', RELOAD)}.")
    given = ["--reload", "--supervisor", RELOAD, "--reload-keys", "--reload-next-port"]
    for name in HELPFUL:
        if name in registry.names("plugin"):
            given += ["--plugin", name]
    for argument in arguments:
        given += secured() if argument in HTTPS.opts else [argument]
    return given


def secured() -> list[str]:
    """The option for HTTPS with a certificate of an authority of one's own; says how a browser comes to trust it."""
    from tricorn.devcert import make_certificate

    files = make_certificate()
    click.echo(f"INFO:     Browsers trust the certificate once they trust its authority: {files.authority}", err=True)
    return ["--ssl-certfile", str(files.certificate)]
