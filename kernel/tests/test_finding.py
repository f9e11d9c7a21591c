"""The application that nobody named is found where people put it, without running anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from tricorn.finding import NothingFound, find_unnamed


def write(directory: Path, **files: str) -> None:
    for name, text in files.items():
        path = directory / (name.replace("__", "/") + ".py")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)


@pytest.mark.parametrize(
    ("files", "app"),
    [
        ({"main": "app = print()"}, "main:app"),
        ({"main": "app: object = None\napplication = 1"}, "main:app"),
        ({"app": "async def application(scope, receive, send): ..."}, "app:application"),
        ({"asgi": "from shop import api"}, "asgi:api"),
        ({"main": "x = 1", "app": "app = 1"}, "app:app"),
        ({"main": "this is not Python", "app": "app = 1"}, "app:app"),
        ({"app__main": "app = 1"}, "app.main:app"),
        ({"shop__asgi": "application = 1"}, "shop.asgi:application"),
    ],
)
def test_an_application_is_found(tmp_path: Path, files: dict[str, str], app: str) -> None:
    write(tmp_path, **files)
    found = find_unnamed(tmp_path)
    assert found.app == app
    assert not found.factory


def test_a_factory_is_found_as_one(tmp_path: Path) -> None:
    write(tmp_path, main="def create_app(): ...")
    assert find_unnamed(tmp_path)[::2] == ("main:create_app", True)


def test_it_says_how_it_decided(tmp_path: Path) -> None:
    write(tmp_path, app="app = 1")
    assert find_unnamed(tmp_path).how.startswith("app.py is the first of main.py, app.py, asgi.py")


def test_nothing_is_run(tmp_path: Path) -> None:
    write(tmp_path, main="raise SystemExit\napp = 1")
    assert find_unnamed(tmp_path).app == "main:app"


def test_an_empty_directory_is_told(tmp_path: Path) -> None:
    with pytest.raises(NothingFound, match="there is no main.py, app.py, asgi.py, app/main.py or"):
        find_unnamed(tmp_path)


def test_a_file_without_an_application_is_told(tmp_path: Path) -> None:
    write(tmp_path, main="x = 1")
    with pytest.raises(NothingFound, match="is defined in main.py: name it as module:attribute"):
        find_unnamed(tmp_path)
