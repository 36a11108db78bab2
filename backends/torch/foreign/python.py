"""Python classes (`py:package.module:Class`): made without arguments, called with tensors. Only where they are allowed."""

from __future__ import annotations

import importlib
import importlib.machinery
import sys
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from .pt2 import ModuleRunner
from .runners import Foreign, reason

_IMPORTS = threading.Lock()


def load(chunk: Foreign) -> ModuleRunner:
    """What the class makes: an `nn.Module` in eval, or anything that is called with tensors and gives one."""
    module_name, _, name = chunk.place.handle.name.partition(":")
    module = _imported(chunk, module_name)
    found: Any = module
    for label in name.split("."):
        found = getattr(found, label, None)
    if found is None:
        raise chunk.unloadable("CC1466", f"the module `{module_name}` has no `{name}`")
    try:
        made = found() if isinstance(found, type) else found
    except (Exception, SystemExit) as error:  # the code of others
        message = f"`{name}()` failed: {type(error).__name__}: {reason(error)}"
        raise chunk.unloadable("CC1466", message, "it is made without arguments") from error
    if not callable(made):
        raise chunk.unloadable("CC1466", f"`{name}` makes a {type(made).__name__}, which cannot be called")
    size = 0
    if isinstance(made, nn.Module):
        made.eval()
        size = sum(one.numel() * one.element_size() for one in (*made.parameters(), *made.buffers()))
    return ModuleRunner(chunk, made, size, writes=True)


def _imported(chunk: Foreign, name: str) -> ModuleType:
    """The module: of the spec's folder if it is there, else of the installed packages."""
    folder = chunk.place.folder
    top = name.partition(".")[0]
    local = bool(folder) and importlib.machinery.PathFinder.find_spec(top, [folder]) is not None
    with _IMPORTS:
        if local:
            sys.path.insert(0, folder)
            importlib.invalidate_caches()
        try:
            module = importlib.import_module(name)
        except (Exception, SystemExit) as error:  # the code of others
            where = f"`{folder}` and the installed packages" if folder else "the installed packages"
            message = f"its module `{name}` cannot be imported: {type(error).__name__}: {reason(error)}"
            raise chunk.unloadable("CC1466", message, f"looked for in {where}") from error
        finally:
            if local:
                sys.path.remove(folder)
    if local and not _from(sys.modules[top], folder):
        message = f"a module `{top}` from elsewhere is in use, and hides the one in `{folder}`"
        raise chunk.unloadable("CC1466", message, "give the module another name")
    return module


def _from(module: ModuleType, folder: str) -> bool:
    file: str | None = getattr(module, "__file__", None)
    places = [file] if file else list(getattr(module, "__path__", []))
    return any(Path(place).is_relative_to(folder) for place in places)
