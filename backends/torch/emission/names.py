"""Names in emitted text: what may be written after a dot, and names not yet taken."""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Iterable

from torch import nn

from ..hosting import HOST_STEPS
from ..kernels import KERNELS

OWN = "caches compute decisions forward graph guards input_names losses namespace output_names plan record refresh"
MORE = "log_steps region regions replay residency seed source sources stats train_graph"
RESERVED = frozenset([*dir(nn.Module()), *OWN.split(), *MORE.split()])
"""What a member of a module may not be read as after a dot: the attribute would hide it."""

OTHERS = ("branch", "self", "ctx", "torch", "nn", "F", "math", "like", "Context", "derived", "grouped")
TAKEN = frozenset([*keyword.kwlist, *dir(builtins), *KERNELS, *OTHERS])
"""What no local variable may be called."""


def readable(name: str) -> bool:
    """Whether `module.name` reads the member called so."""
    plain = name.isidentifier() and not keyword.iskeyword(name)
    return plain and name not in RESERVED and not name.startswith(("compute", "derived_", "forward"))


def identifier(name: str) -> str:
    """The nearest identifier to a name."""
    text = re.sub(r"\W", "_", name) or "value"
    return f"_{text}" if text[0].isdigit() else text


def camel(label: str) -> str:
    """The name of a class for a path segment: `edge_detector` is `EdgeDetector`; one that means something else is set apart."""
    text = "".join(part[:1].upper() + part[1:] for part in re.split(r"[\W_]+", label) if part)
    return text if text.isidentifier() and text not in TAKEN else f"Part{text}"


class Names:
    """Names in use in one function."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self.taken = set(taken)

    def fresh(self, wanted: str) -> str:
        """The wanted name, or it with a number behind."""
        stem = identifier(wanted)
        name, count = stem, 1
        while name in self.taken or name in TAKEN or name in HOST_STEPS:
            count += 1
            name = f"{stem}_{count}"
        self.taken.add(name)
        return name
