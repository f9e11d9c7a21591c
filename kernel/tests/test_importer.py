"""Finding what a user names: objects, modules, files, and what is said when there is nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tricorn.importer import ImportFromStringError, find_app, import_from_string

APP = "async def application(scope, receive, send): ...\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty directory in which modules are looked for."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend("")
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def test_an_object_is_returned_as_it_is() -> None:
    assert import_from_string(print) is print


def test_attributes_may_be_nested(here: Path) -> None:
    (here / "shop_a.py").write_text("class api:\n    v1 = 1\n")
    assert import_from_string("shop_a:api.v1") == 1


@pytest.mark.parametrize("text", ["shop_a", ":app", "shop_a:", ""])
def test_an_import_string_has_two_parts(text: str) -> None:
    with pytest.raises(ImportFromStringError, match='must be in format "<module>:<attribute>"'):
        import_from_string(text)


def test_a_missing_module_is_told_with_where_it_was_looked_for_and_what_may_be_meant(here: Path) -> None:
    (here / "main.py").write_text("app = print()\n")
    with pytest.raises(ImportFromStringError) as caught:
        import_from_string("mian:app")
    assert str(caught.value) == f'Could not import module "mian". Looked in {here}. Did you mean "main:app"?'


def test_a_module_in_a_directory_below_is_told_with_the_option_that_finds_it(here: Path) -> None:
    (here / "src").mkdir()
    (here / "src" / "main.py").write_text(APP)
    with pytest.raises(ImportFromStringError, match="It is in src below: --app-dir src looks there"):
        import_from_string("main:app")


def test_a_missing_attribute_gets_a_close_match_or_the_applications_of_the_module(here: Path) -> None:
    (here / "shop_b.py").write_text(APP)
    with pytest.raises(ImportFromStringError, match='"applicaton" not found in module "shop_b". Did you mean "appl'):
        import_from_string("shop_b:applicaton")
    with pytest.raises(ImportFromStringError, match='"x" not found in module "shop_b". It has application'):
        import_from_string("shop_b:x")


@pytest.mark.parametrize("source", ["import nothing_of_this_name", "1 / 0", "def"])
def test_an_exception_inside_the_module_surfaces_unchanged(here: Path, source: str) -> None:
    (here / "shop_c.py").write_text(source)
    with pytest.raises((ModuleNotFoundError, ZeroDivisionError, SyntaxError)):
        import_from_string("shop_c:app")


def test_a_module_with_one_application_is_enough(here: Path) -> None:
    (here / "shop_d.py").write_text(APP + "def other(): ...\n")
    assert find_app("shop_d") == "shop_d:application"


def test_of_several_applications_one_must_be_named(here: Path) -> None:
    (here / "shop_e.py").write_text(APP + APP.replace("application", "second"))
    with pytest.raises(ImportFromStringError, match="which application is meant.*one of application, second"):
        find_app("shop_e")
    (here / "shop_f.py").write_text("")
    with pytest.raises(ImportFromStringError, match="none was found"):
        find_app("shop_f")


def test_an_application_object_goes_before_functions(here: Path) -> None:
    source = "class App:\n    async def __call__(self, scope, receive, send): ...\napi = App()\n"
    (here / "shop_g.py").write_text(source + APP)
    assert find_app("shop_g") == "shop_g:api"


def test_a_file_is_a_module_too(here: Path) -> None:
    (here / "src" / "shop_h").mkdir(parents=True)
    (here / "src" / "shop_h" / "__init__.py").touch()
    (here / "src" / "shop_h" / "api.py").write_text(APP)
    assert find_app("src/shop_h/api.py:application") == "shop_h.api:application"
    assert sys.path[0] == str(here / "src")
    assert find_app("src/shop_h/api.py") == "shop_h.api:application"
    with pytest.raises(ImportFromStringError, match='There is no file "src/none.py"'):
        find_app("src/none.py:app")
