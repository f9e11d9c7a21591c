"""The plugins of one server: which are installed, which were selected, and what their hooks returned.

Listing and choosing need the metadata only (`tricorn.entries`); a module is imported when its plugin is selected. Every
error here is the user's or a plugin author's to mend, so each is one line that names the distribution and its version.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import pluggy

from tricorn import api, hookspecs
from tricorn.catalogue import PUBLISHED, installing
from tricorn.entries import HOOKS, Entry, called, scan
from tricorn.signals import Ended

log = logging.getLogger("tricorn.error")

PREFERENCES: Mapping[str, Sequence[str]] = {
    "http": ("compiled", "httptools", "h11"),
    "ws": ("frames", "websockets", "wsproto"),
    "loop": ("uvloop", "asyncio"),
    "terminal": ("rich",),
}
"""What `auto` tries, best first, where no bundle says otherwise."""

UVICORN_NAMES: Mapping[str, tuple[str, str]] = {
    "http2": ("http", "h2"),
    "websockets-sansio": ("ws", "websockets"),
    "H11Protocol": ("http", "h11"),
    "HttpToolsProtocol": ("http", "httptools"),
    "WebSocketProtocol": ("ws", "websockets"),
    "WebSocketsSansIOProtocol": ("ws", "websockets"),
    "WSProtocol": ("ws", "wsproto"),
    "uvloop_loop_factory": ("loop", "uvloop"),
}
"""Options, values, classes and functions of uvicorn that stand for a plugin, and the kind and name of that."""

AUTOMATIC = tuple(PREFERENCES)
"""The kinds in which `auto` stands for a choice; elsewhere it is the name of a plugin, if anything."""

PROVIDERS: Mapping[str, type] = {
    "loop": api.LoopProvider,
    "http": api.HttpProvider,
    "ws": api.WsProvider,
    "lifespan": api.LifespanProvider,
    "logging": api.LogProvider,
    "interface": api.InterfaceProvider,
    "listener": api.ListenerProvider,
    "supervisor": api.SupervisorProvider,
    "command": api.CommandProvider,
    "terminal": api.TerminalProvider,
}


class PluginError(Exception):
    """A plugin cannot be had or does not do what a plugin must: one line for the user."""


@dataclass(eq=False, repr=False)
class Selected:
    """A loaded plugin: `provider` is what its hook returned, or the module for a side plugin and a bundle.

    entry: None for a provider that was given as an object or as `module:attribute`.
    """

    kind: str
    name: str
    provider: Any
    entry: Entry | None

    def __str__(self) -> str:
        return self.name if self.entry is None else f"{self.name} {self.entry.version}"


class Registry:
    """One scan of what is installed, and the plugins loaded from it; every plugin is loaded at most once."""

    def __init__(self, entries: Mapping[str, Sequence[Entry]] | None = None) -> None:
        self.entries = scan() if entries is None else entries
        self.hooks = pluggy.PluginManager("tricorn")
        self.hooks.add_hookspecs(hookspecs)
        self._loaded: dict[tuple[str, str], Selected] = {}
        self._defaults: dict[str, tuple[list[str], Entry]] | None = None

    # --- choosing -------------------------------------------------------------------------------------------------

    def names(self, kind: str) -> list[str]:
        """The installed names of a kind."""
        return sorted({entry.name for entry in self.entries.get(kind, ())})

    def find(self, kind: str, name: str) -> Entry:
        """The entry of a name. Raises PluginError when nothing or more than one distribution has it."""
        entries = [entry for entry in self.entries.get(kind, ()) if entry.name == name]
        if not entries:
            raise PluginError(f"No {called(kind, name)}{self._advice(kind, name)}")
        if len(entries) > 1:
            owners = " and ".join(f"{entry.distribution} {entry.version}" for entry in entries)
            raise PluginError(f"The {called(kind, name)} is claimed by {owners}: uninstall all but one.")
        return entries[0]

    def _advice(self, kind: str, name: str) -> str:
        """What to do about a name that nobody has."""
        import difflib

        names = self.names(kind)
        if name in PUBLISHED.get(kind, ()):
            return f" is installed: {installing(kind, name)}."
        close = difflib.get_close_matches(name, names, 1)
        hint = f"; did you mean {close[0]!r}?" if close else "."
        return f"{hint} Installed: {', '.join(names) or 'none'}."

    def preferred(self, kind: str) -> tuple[Sequence[str], str]:
        """What `auto` tries for a kind, best first, and who says so. Raises PluginError when two bundles disagree."""
        choice = self.defaults().get(kind)
        if choice is None:
            return PREFERENCES.get(kind, ()), "the kernel's preference"
        return choice[0], f"{choice[1].distribution} {choice[1].version}"

    def defaults(self) -> Mapping[str, tuple[list[str], Entry]]:
        """What the installed bundles prefer, per kind. Raises PluginError when two of them disagree."""
        if self._defaults is None:
            found: dict[str, tuple[list[str], Entry]] = {}
            for name in self.names("bundle"):
                bundle = self.load("bundle", name)
                assert bundle.entry is not None
                for kind, names in self._defaults_of(bundle).items():
                    said = found.setdefault(kind, (list(names), bundle.entry))
                    if said[0] != list(names):
                        raise PluginError(
                            f"The {bundle.entry} and the {said[1]} prefer different {kind} plugins: uninstall one."
                        )
            self._defaults = found
        return self._defaults

    def _defaults_of(self, bundle: Selected) -> Mapping[str, Sequence[str]]:
        result: Mapping[str, Sequence[str]] = self._call(bundle.entry, bundle.provider, "tricorn_defaults")
        for kind, names in result.items():
            if kind not in (*HOOKS, "plugin") or isinstance(names, str):
                raise PluginError(f"The {bundle.entry}: tricorn_defaults has no list of names for a kind at {kind!r}.")
        return result

    def auto(self, kind: str) -> Selected | None:
        """The first of the preferred plugins that is installed and not `Unavailable`; None where there is none."""
        for name in self.preferred(kind)[0]:
            if name not in self.names(kind):
                continue
            try:
                return self.load(kind, name)
            except api.Unavailable as reason:
                log.debug("%s", reason)
        return None

    def named(self, kind: str, value: str, settings: Any = None) -> Selected:
        """The plugin `value` of a kind, or the provider at `module:attribute`. Raises PluginError."""
        if ":" in value:
            from tricorn.importer import ImportFromStringError, import_from_string

            try:
                return self.given(kind, import_from_string(value), value)
            except ImportFromStringError as error:
                raise PluginError(f"Cannot load the {kind} {value!r}: {error}") from error
        if UVICORN_NAMES.get(value, ("", ""))[0] == kind and value not in self.names(kind):
            value = UVICORN_NAMES[value][1]
        try:
            return self.load(kind, value, settings)
        except api.Unavailable as reason:
            raise PluginError(str(reason)) from reason

    def given(self, kind: str, value: Any, name: str | None = None) -> Selected:
        """A provider that was handed over as an object, or made by calling what was. Raises PluginError."""
        wanted = PROVIDERS[kind]
        made = value
        if kind == "loop" and callable(value):
            made = api.LoopProvider(value)
        elif not isinstance(value, wanted) and callable(value):
            try:
                made = value()
            except TypeError as error:
                raise PluginError(f"{name or value!r} does not give a {wanted.__name__}: {error}") from error
        if not isinstance(made, wanted):
            raise PluginError(f"{name or value!r} is not a {wanted.__name__}, nor does calling it give one.")
        return Selected(kind, name or str(getattr(value, "__name__", type(value).__name__)), made, None)

    # --- loading --------------------------------------------------------------------------------------------------

    def load(self, kind: str, name: str, settings: Any = None) -> Selected:
        """Import a plugin, register it and ask it for its provider.

        Raises PluginError, and `Unavailable` (one line, naming the distribution) when the plugin says that it is.
        """
        if (kind, name) not in self._loaded:
            entry = self.find(kind, name)
            module = self._import(entry)
            self._register(entry, module)
            provider = module
            if kind in HOOKS:
                arguments = {"settings": settings} if kind == "logging" else {}
                provider = self._call(entry, module, HOOKS[kind], **arguments)
                if not isinstance(provider, PROVIDERS[kind]):
                    raise PluginError(
                        f"The {entry}: {HOOKS[kind]} returned {provider!r}, not a {PROVIDERS[kind].__name__}."
                    )
            self._loaded[kind, name] = Selected(kind, name, provider, entry)
        return self._loaded[kind, name]

    def _import(self, entry: Entry) -> Any:
        path, _, attributes = entry.value.partition(":")
        try:
            module: Any = import_module(path)
            for attribute in attributes.split("."):
                module = getattr(module, attribute) if attribute else module
        except api.Unavailable as reason:
            raise api.Unavailable(f"The {entry} is unavailable: {reason}") from reason
        except Ended:
            raise
        except (Exception, SystemExit) as error:
            raise broken(entry, f"importing {entry.value} failed", error) from error
        number = getattr(module, "tricorn_api", None)
        if number is None:
            raise PluginError(f"The {entry}: {entry.value} does not state tricorn_api = {api.API_VERSION}.")
        if number != api.API_VERSION:
            raise PluginError(
                f"The {entry} is written for API {number!r} of tricorn; this one has {api.API_VERSION}. "
                f"Install versions that fit together."
            )
        return module

    def _register(self, entry: Entry, module: Any) -> None:
        if self.hooks.has_plugin(entry.value):
            return
        try:
            self.hooks.register(module, entry.value)
            self.hooks.check_pending()
        except pluggy.PluginValidationError as error:
            import difflib

            # Pluggy's own words: the plugin, the definition, and at last what is wrong.
            reason = str(error).strip().splitlines()[-1]
            known = [name for name in dir(hookspecs) if name.startswith("tricorn_")]
            for caller in self.hooks.get_hookcallers(module) or ():
                if not caller.has_spec():
                    close = difflib.get_close_matches(caller.name, known, 1)
                    hint = f"; did you mean {close[0]}?" if close else f". The hooks are {', '.join(known)}."
                    reason = f"there is no hook {caller.name}{hint}"
            if self.hooks.has_plugin(entry.value):
                self.hooks.unregister(module)
            raise PluginError(f"The {entry}: {reason}") from error

    def _call(self, entry: Entry | None, module: Any, hook: str, **arguments: Any) -> Any:
        """The result of one plugin's implementation of a hook."""
        others = [plugin for plugin in self.hooks.get_plugins() if plugin is not module]
        caller = self.hooks.subset_hook_caller(hook, others)
        if not any(implementation.plugin is module for implementation in caller.get_hookimpls()):
            raise PluginError(f"The {entry}: {module.__name__} has no @hookimpl {hook}.")
        try:
            results = caller(**arguments)
        except api.Unavailable as reason:
            raise api.Unavailable(f"The {entry} is unavailable: {reason}") from reason
        except Ended:
            raise
        except (Exception, SystemExit) as error:
            raise broken(entry, f"its {hook} failed", error) from error
        if not isinstance(results, list):  # a hook of which the first result counts
            return results
        return results[0] if results else None

    # --- hooks of the selected plugins ------------------------------------------------------------------------------

    def implementations(self, hook: str, modules: Iterable[Any]) -> list[Any]:
        """Those of the modules that implement a hook, in their order."""
        having = {implementation.plugin for implementation in getattr(self.hooks.hook, hook).get_hookimpls()}
        return [module for module in modules if module in having]

    def call(self, plugin: Selected, hook: str, **arguments: Any) -> Any:
        """Call a hook of one side plugin that implements it. Raises PluginError for what the hook raises."""
        try:
            return self._call(plugin.entry, plugin.provider, hook, **arguments)
        except api.Unavailable as reason:
            raise PluginError(str(reason)) from reason

    def options(self) -> list[tuple[api.Option, Entry]]:
        """The options of every plugin loaded so far. Raises PluginError for a name that is declared twice."""
        from tricorn.options import BY_NAME

        owners: dict[str, str] = dict.fromkeys(BY_NAME, "tricorn itself")
        found: list[tuple[api.Option, Entry]] = []
        modules = {id(self.hooks.get_plugin(p.entry.value)): p.entry for p in self._loaded.values() if p.entry}
        for module in self.implementations("tricorn_options", self.hooks.get_plugins()):
            entry = modules.get(id(module))
            if entry is None:
                continue
            for option in self._call(entry, module, "tricorn_options") or ():
                if option.name in owners:
                    raise PluginError(
                        f"The {entry} declares the option {option.name!r} that {owners[option.name]} has."
                    )
                owners[option.name] = f"the {entry}"
                found.append((option, entry))
        return found


def broken(entry: Entry | None, what: str, error: BaseException) -> PluginError:
    """The one line about a plugin's own exception; its traceback is for the debug level."""
    log.debug("The %s: %s", entry, what, exc_info=error)
    text = str(error).strip().partition("\n")[0]
    return PluginError(f"The {entry}: {what} ({type(error).__name__}: {text}). --log-level debug shows where.")
