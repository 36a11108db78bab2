"""The wording of the codes of loads at run time. On the form of examples see `codes_language.py`."""

from __future__ import annotations

from .diagnostics import Code

LOADING: dict[str, Code] = {
    "CC1450": Code(
        "stored chunk whose file cannot be read",
        """A call needs a chunk whose file is not there any more, or may not be read. The call ends with this; the model goes on serving
calls that do without the chunk, and tries again when the file changes.

    module(image)                 # Unloadable: CC1450: the chunk `edges` cannot be loaded: there is no file …
    chunkc store verify           # names what is missing or damaged
    chunkc store add …            # adds it again""",
    ),
    "CC1451": Code(
        "stored chunk whose file is too short",
        """The file of a chunk has another size than the one that was stored, or ends before the last of its tensors. Nothing of it is used.

    chunkc store verify           # names what is damaged
    chunkc store add …            # adds it again: the same content has the same name""",
    ),
    "CC1452": Code(
        "stored chunk whose bytes have changed",
        """What is loaded for the first time in a process is hashed, and the sha256 is not the one that it was stored under: a bit has
flipped, or something wrote to the file. Nothing of it is used.

    chunkc store verify           # names what is damaged
    chunkc store alias models/edges stable v1   # meanwhile, another version""",
    ),
    "CC1453": Code(
        "stored tensor that is not what is declared",
        """A tensor of a stored chunk has another dtype or shape than the parameter that it is loaded for, or is not there at all.
Weights are not converted: bits would differ from those that were stored.

    chunk edges(x: f32[B, 64]) -> f32[B, 8] = extern("models/edges@v2")   # v2 was trained with 32 inputs""",
    ),
}
