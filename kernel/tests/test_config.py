"""The configuration: attributes that may be changed, what they select, and what spawned processes get of them."""

from __future__ import annotations

import asyncio
import logging
import pickle
from pathlib import Path
from typing import Any

import pytest

from tricorn import Config
from tricorn.api import HttpProvider
from tricorn.config import LOG_LEVELS, SSL_PROTOCOL_VERSION
from tricorn.middleware.message_logger import MessageLoggerMiddleware
from tricorn_interface_wsgi import WsgiAdapter


async def app(scope: Any, receive: Any, send: Any) -> None:
    pass


def make(**options: Any) -> Config:
    return Config(app, log_config=None, **options)


def test_options_are_attributes_with_their_defaults() -> None:
    config = make(port=80)
    assert (config.app, config.host, config.port, config.timeout_keep_alive) == (app, "127.0.0.1", 80, 5)
    assert config.headers == []


def test_options_may_be_given_by_position_as_in_uvicorn() -> None:
    config = Config(app, "0.0.0.0", 81, "/tmp/s", log_config=None)
    assert (config.host, config.port, config.uds) == ("0.0.0.0", 81, "/tmp/s")


def test_an_unknown_keyword_gets_a_close_match() -> None:
    with pytest.raises(TypeError, match="tricorn has no option 'prot'; did you mean 'port'"):
        make(prot=80)
    with pytest.raises(TypeError, match="multiple values for argument 'host'"):
        Config(app, "a", host="b")


def test_attributes_may_be_changed_until_it_is_loaded_and_unknown_ones_stick() -> None:
    config = make()
    config.port = 82
    config.h11_max_header_count = 7  # a name that some program made up
    config.h11_max_incomplete_event_size = 1 << 20
    config.load()
    assert (config.port, config.h11_max_header_count) == (82, 7)
    assert (config.limit_request_head, config.limit_request_line) == (1 << 20, 1 << 20)


def test_a_single_value_stands_for_a_list() -> None:
    assert make(plugins=None).plugins == []
    assert Config("app:app", log_config=None, headers="x").headers == ["x"]


def test_what_is_watched_are_paths_as_functions_in_the_place_of_uvicorns_expect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "src").mkdir()

    def watched(dirs: Any) -> list[Any]:
        return Config("app:app", log_config=None, reload=True, reload_dirs=dirs).reload_dirs

    assert watched("src") == watched(["src", "none"]) == [tmp_path / "src"]
    assert watched(None) == watched(["none"]) == [tmp_path]
    assert caplog.messages == [
        "Provided reload directories ['none'] did not contain valid directories, watching current working directory."
    ]


def test_loading_gives_the_application_and_happens_once() -> None:
    config = make()
    assert not config.loaded
    config.load()
    assert config.loaded
    assert config.loaded_app is app
    with pytest.raises(AssertionError):
        config.load()


def test_headers_are_encoded_for_the_wire() -> None:
    config = make(headers=[("X-Name", "é")])
    config.load()
    assert config.encoded_headers == [(b"x-name", b"\xe9")]


def test_a_subclass_may_have_its_own_attributes_and_loading() -> None:
    class Own(Config):
        extra = "class"

        def load(self) -> None:
            super().load()
            self.loaded_app = "wrapped"

    config = Own(app, log_config=None)
    config.load()
    assert (config.extra, config.loaded_app) == ("class", "wrapped")


def test_plugins_are_selected_by_name_by_object_and_by_import_string() -> None:
    provider = HttpProvider(codec=object)  # type: ignore[arg-type]
    config = make(http=[provider], ws="none", loop="asyncio")
    config.select()
    assert config.selected["http"][0].provider is provider
    assert config.selected["ws"] == []
    assert make(loop="asyncio:SelectorEventLoop").get_loop_factory() is asyncio.SelectorEventLoop
    assert make(loop="none").get_loop_factory() is None


def test_several_http_plugins_keep_their_order() -> None:
    config = make(http="h11,httptools")
    config.select()
    assert [plugin.name for plugin in config.selected["http"]] == ["h11", "httptools"]


def test_a_loop_object_is_used_as_it_is() -> None:
    loop = asyncio.new_event_loop()
    try:
        factory = make(loop=loop).get_loop_factory()
        assert factory is not None
        assert factory() is loop
    finally:
        loop.close()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"http": "htptools"}, "No http plugin 'htptools'; did you mean 'httptools'? Installed: "),
        ({"ws": "nothing:here"}, "Cannot load the ws 'nothing:here': Could not import module \"nothing\"."),
        ({"plugins": ["nothing"]}, "No plugin 'nothing'."),
        ({"lifespan": "maybe"}, "No lifespan plugin 'maybe'."),
    ],
)
def test_a_plugin_that_cannot_be_had_is_one_line_and_status_3(
    options: dict[str, Any], message: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(SystemExit) as caught:
        make(**options).load()
    assert caught.value.code == 3
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith(message)


def test_uvicorns_name_of_a_websocket_plugin_is_understood() -> None:
    config = make(ws="websockets-sansio")
    config.select()
    assert config.selected["ws"][0].name == "websockets"


def test_reload_and_workers_say_what_they_need() -> None:
    assert Config("app:app", log_config=None, reload=True).should_reload
    assert not make(reload=True).should_reload
    assert Config("app:app", log_config=None, workers=2).use_subprocess
    assert not make().use_subprocess


def test_what_will_not_be_watched_is_told(caplog: pytest.LogCaptureFixture) -> None:
    make(reload_dirs=["src"])
    assert caplog.messages == [
        "Current configuration will not reload as not all conditions are met, please refer to documentation."
    ]


def test_a_spawned_process_gets_the_settings_and_selects_for_itself() -> None:
    config = Config("tricorn_no_such_app:app", log_config=None, port=83, headers=[("a", "b")], http="h11")
    config.own = "attribute"
    config.select()
    copy = pickle.loads(pickle.dumps(config))
    assert (copy.port, copy.headers, copy.own, copy.loaded) == (83, [("a", "b")], "attribute", False)
    copy.select()
    assert copy.selected["http"][0].name == "h11"


def test_a_loaded_configuration_can_be_pickled_too() -> None:
    config = Config("asyncio:sleep", log_config=None)
    config.load()
    copy = pickle.loads(pickle.dumps(config))
    copy.load()
    assert copy.loaded_app is asyncio.sleep


def test_messages_are_logged_at_the_level_trace() -> None:
    config = make(log_level="trace")
    config.load()
    assert isinstance(config.loaded_app, MessageLoggerMiddleware)
    logging.getLogger("tricorn.asgi").setLevel(logging.INFO)


def test_a_wsgi_application_is_adapted() -> None:
    config = Config(lambda environ, start_response: [], log_config=None, interface="wsgi")
    config.load()
    assert isinstance(config.loaded_app, WsgiAdapter)


def test_constants_are_uvicorns() -> None:
    import uvicorn.config

    assert LOG_LEVELS == uvicorn.config.LOG_LEVELS
    assert SSL_PROTOCOL_VERSION == uvicorn.config.SSL_PROTOCOL_VERSION


def test_what_is_not_known_before_loading_is_no_attribute_yet() -> None:
    assert not hasattr(Config(app="app:app"), "lifespan_class")
