"""The wording of the codes of loads at run time. On the form of examples see `codes_language.py`."""

from __future__ import annotations

from .diagnostics import Code

LOADING: dict[str, Code] = {
    "CC1450": Code(
        "stored chunk whose file cannot be read",
        """A call needs a chunk whose file is not there any more, or may not be read. The call ends with this; the model goes on serving
calls that do without the chunk, and tries again with the next one that needs it.

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

    chunkc store verify                         # names what is damaged
    chunkc store alias models/edges@stable v1   # meanwhile, another version""",
    ),
    "CC1453": Code(
        "stored tensor that is not what is declared",
        """A tensor of a stored chunk has another dtype or shape than the parameter that it is loaded for, or is not there at all.
Weights are not converted: bits would differ from those that were stored.

    chunk edges(x: f32[B, 64]) -> f32[B, 8] = extern("models/edges@v2")   # v2 was trained with 32 inputs""",
    ),
    "CC1454": Code(
        "chunk that is missing, and done without",
        """A chunk cannot be loaded, and the spec says what then: by `skip` its way is left out of what can be chosen, by `zero` its call
gives zeros. This is said once; `module.missing()` says it until the chunk is there. It is tried again when its file or its alias
changes, and after `module.refresh()`.

    memory { budget = 256MiB  on_missing = skip }""",
    ),
    "CC1456": Code(
        "stored weights that are asked for all at once",
        """Training, `torch.compile` and `torch.export` read all weights of a model, and `load_state_dict` writes them. Here they lie in files,
and the spec allows only a part of them in memory.

    module.materialise()          # all of them, as parameters like any other, beyond the budget
    module.eval()                 # or only calls in eval""",
    ),
    "CC1457": Code(
        "stored weights that were to be converted",
        """Weights that lie in files are loaded as they are. In another dtype they would be other numbers, of another size.

    module.to(torch.bfloat16)               # refused
    module.materialise().to(torch.bfloat16) # all of them, beyond the budget""",
    ),
    "CC1458": Code(
        "chunk that cannot be pinned",
        """What is pinned is a unit of the model (`module.residency()` names those that are resident), and a part of the budget: what a call
holds at once has to fit beside it. Without a budget nothing goes, and there is nothing to pin or to record.

    module.pin("block.0")         # of a model with `memory { budget = 25% }`""",
    ),
    "CC1459": Code(
        "RAM with less room than a chunk takes",
        """Where a model computes on a device, `budget` is of the device's memory, and what is loaded comes through RAM, where `ram` says
how much may stay. A chunk has to fit there whole.

    memory { budget = 4GiB  ram = 16MiB }     # ram = 16GiB""",
    ),
}
