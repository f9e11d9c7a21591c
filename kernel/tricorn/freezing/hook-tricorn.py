"""For PyInstaller: what it cannot see, because entry points name plugins, and modules are imported by their names."""

from PyInstaller.utils.hooks import collect_entry_point, collect_submodules, copy_metadata

from tricorn.entries import KINDS, PREFIX

datas = copy_metadata("tricorn-kernel")
hiddenimports = collect_submodules("tricorn", lambda name: not name.startswith(("tricorn.testing", "tricorn.scaffold")))
for kind in KINDS:
    metadata, modules = collect_entry_point(PREFIX + kind)
    datas += metadata
    hiddenimports += modules
    for module in modules:
        hiddenimports += collect_submodules(module.partition(".")[0]) if not module.startswith("tricorn.") else []
