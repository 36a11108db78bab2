"""chunkc: a compiler for conditional computation. Write dense semantics, get sparse execution.

    import chunkc

    module = chunkc.compile("specs/moe.cc", d=256)     # a torch.nn.Module
    y = module(torch.randn(2, 16, 256))
    module.stats()                                     # what each selection kept
    module.losses()                                    # named terms, after a call in training

Names are imported when first used (PEP 562): `import chunkc` alone imports neither torch nor the grammar.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    ".api": (
        *("check", "compile", "format", "import_checkpoint", "load", "optimize", "print"),
        *("profile", "reference", "simulate", "standalone"),
    ),
    ".compiler.diagnostics": ("CompileError", "Diagnostic"),
    ".compiler.ir": ("Graph",),
    ".compiler.loading.places": ("Unloadable",),
    ".compiler.render": ("render_text",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [*_HOME_OF]

if TYPE_CHECKING:
    from .api import check as check
    from .api import compile as compile
    from .api import format as format
    from .api import import_checkpoint as import_checkpoint
    from .api import load as load
    from .api import optimize as optimize
    from .api import print as print
    from .api import profile as profile
    from .api import reference as reference
    from .api import simulate as simulate
    from .api import standalone as standalone
    from .compiler.diagnostics import CompileError as CompileError
    from .compiler.diagnostics import Diagnostic as Diagnostic
    from .compiler.ir import Graph as Graph
    from .compiler.loading.places import Unloadable as Unloadable
    from .compiler.render import render_text as render_text


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_HOME_OF[name], __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME_OF})
