"""Factories and interfaces: what becomes of the object that the user named."""

from __future__ import annotations

from typing import Any

import pytest

from tricorn import Config
from tricorn.loading import AppError, call_factory, import_app


async def app(scope: Any, receive: Any, send: Any) -> None:
    pass


def make() -> Any:
    return app


def make_with(argument: Any) -> Any:
    return app


def loaded(application: Any, **options: Any) -> Config:
    config = Config(application, log_config=None, **options)
    config.load()
    return config


def test_a_factory_is_recognised_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    assert call_factory(make, False) is app
    assert "ASGI app factory detected." in caplog.text


def test_a_declared_factory_is_called_quietly(caplog: pytest.LogCaptureFixture) -> None:
    assert call_factory(make, True) is app
    assert not caplog.records


def test_a_declared_factory_that_needs_arguments_is_an_error() -> None:
    with pytest.raises(AppError, match="Error loading ASGI app factory: make_with.. missing 1 required"):
        call_factory(make_with, True)


def test_a_class_that_needs_no_arguments_is_a_factory(caplog: pytest.LogCaptureFixture) -> None:
    class App:
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...

    assert isinstance(call_factory(App, False), App)


def test_an_application_is_not_called() -> None:
    assert call_factory(app, False) is app


def test_a_missing_module_is_an_error_in_uvicorns_words() -> None:
    with pytest.raises(AppError, match='^Error loading ASGI app. Could not import module "nothing_here".'):
        import_app("nothing_here:app")


class Asgi2:
    def __init__(self, scope: Any) -> None:
        self.scope = scope

    async def __call__(self, receive: Any, send: Any) -> None:
        await send(self.scope)


class Awaited:
    def __init__(self, scope: Any, receive: Any, send: Any) -> None: ...

    def __await__(self) -> Any:
        yield


def plain(scope: Any, receive: Any, send: Any) -> Any:
    return app(scope, receive, send)


@pytest.mark.parametrize(
    ("application", "interface", "version"),
    [(app, "asgi3", "3.0"), (Asgi2, "asgi2", "2.0"), (Awaited, "asgi3", "3.0"), (plain, "asgi3", "3.0")],
)
def test_the_interface_is_recognised(application: Any, interface: str, version: str) -> None:
    config = loaded(application)
    assert (config.interface, config.asgi_version) == (interface, version)


async def test_an_asgi2_application_is_called_in_two_steps() -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await loaded(Asgi2).loaded_app({"type": "http"}, None, send)
    assert sent == [{"type": "http"}]


def test_what_is_no_application_is_refused_at_the_start(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(SystemExit) as caught:
        loaded(object())
    assert caught.value.code == 3
    assert caplog.messages == ["Error loading ASGI app. The application is an object, not an ASGI application."]


def test_a_wsgi_application_takes_no_websockets() -> None:
    def wsgi(environ: Any, start_response: Any) -> Any: ...

    config = loaded(wsgi)
    assert config.interface == "wsgi"
    assert config.selected["ws"] == []
