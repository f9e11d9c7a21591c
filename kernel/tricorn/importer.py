"""Objects named by `module:attribute`."""

from __future__ import annotations

import difflib
from importlib import import_module
from typing import Any


class ImportFromStringError(Exception):
    """The text names nothing that can be imported: one line for the user."""


def import_from_string(import_str: Any) -> Any:
    """The object at `module:attribute.attribute`; what is not a string is returned as it is.

    Raises ImportFromStringError when the text has another form, the module does not exist or lacks the attribute. An
    exception inside the module surfaces unchanged: its traceback is what its author needs.
    """
    if not isinstance(import_str, str):
        return import_str
    name, _, attributes = import_str.partition(":")
    if not name or not attributes:
        raise ImportFromStringError(f'Import string "{import_str}" must be in format "<module>:<attribute>".')
    try:
        module = import_module(name)
    except ModuleNotFoundError as error:
        # The module itself, or a package on the way to it; an import that fails inside it is another matter.
        if error.name is None or not (name == error.name or name.startswith(error.name + ".")):
            raise
        raise ImportFromStringError(f'Could not import module "{name}".') from None
    found: Any = module
    for attribute in attributes.split("."):
        try:
            found = getattr(found, attribute)
        except AttributeError:
            close = difflib.get_close_matches(attribute, [n for n in dir(found) if not n.startswith("_")], 1)
            hint = f' Did you mean "{close[0]}"?' if close else ""
            raise ImportFromStringError(f'Attribute "{attributes}" not found in module "{name}".{hint}') from None
    return found
