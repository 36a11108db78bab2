"""The wording of the codes of handles, the store and its locks. On the form of examples see `codes_language.py`."""

from __future__ import annotations

from .diagnostics import Code

STORE: dict[str, Code] = {
    "CC1400": Code(
        "no store there",
        """The folder that should hold the store does not exist, or holds other files and no store (`gc` deletes nothing there). A store is named
by `--store DIR`, else by `$CHUNKC_STORE`, else it is the folder `chunkc-store`. The first `chunkc store add` makes it.

    chunkc store add edges.safetensors --as models/edges@v1 --store parts""",
    ),
    "CC1401": Code(
        "table or manifest that cannot be read",
        """`index.toml` and `aliases.toml` are TOML with a table for each name and a line for each version or alias; a manifest lists the parts
of a version. The place is where it departs from that. Blobs are not touched by it: correct the line, or take the file from a backup.

    ["models/edges"]
    v1 = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\"""",
    ),
    "CC1402": Code(
        "no name, version, alias or sha256",
        """What is stored is named by words with `/` between, a version or an alias is one word: letters, digits, `_`, `-`, `+`, and `.` inside.
So no name leads out of the store, and each can stand in a handle. A pin has all 64 digits.

    models/edges@v1.2               ../edges@v1        # a name, and none""",
    ),
    "CC1403": Code(
        "pickle",
        """Files that end in .pt .pth .bin .ckpt .pkl are pickles: reading one runs whatever code it holds, so chunkc never does. Where you trust
the file, convert it once; safetensors hold the same tensors, and can be mapped.

    safetensors.torch.save_file(torch.load("edges.pt", weights_only=True), "edges.safetensors")""",
    ),
    "CC1404": Code(
        "no safetensors file",
        """The file does not begin with the header of a safetensors file, or the header does not fit the file: tensors that overlap, lie beyond its
end, have another size than their shape, or leave bytes that belong to none. It was cut short, damaged, or is something else.""",
    ),
    "CC1405": Code(
        "version or alias that is there already",
        """A version never changes: who has it has what everybody has. The same content may be added again; other content is another version.
An alias can be moved to it. A word is a version or an alias of a name, not both.

    chunkc store add edges.safetensors --as models/edges@v2
    chunkc store alias models/edges@stable v2""",
    ),
    "CC1406": Code(
        "nothing stored under that name, version or alias",
        """`chunkc store list` tells what there is. Where no version is said, there must be only one.

    models/edges@stable             # an alias, or a version""",
    ),
    "CC1407": Code(
        "part that a version does not have",
        """Behind `#` stands a part: a prefix of the names of its tensors, up to a dot. The message lists some that there are.

    models/edges@v1#encoder         # encoder.conv2d_1.weight, …, named conv2d_1.weight""",
    ),
    "CC1408": Code(
        "missing blob",
        """A file of the store's `blobs` was deleted. Versions that do not need it are served. Adding the same content again puts it back; `chunkc
store verify` lists all that is missing.""",
    ),
    "CC1409": Code(
        "damaged blob",
        """A blob is named by the sha256 of its content, and does not hold that: it was cut short, a bit flipped, or a link or folder stands in its
place. Nothing is computed with it. Versions that do not need it are served; adding the same content again puts the right file there.""",
    ),
    "CC1410": Code(
        "aliases that stand for each other",
        """An alias stands for a version, or for another alias that in the end does.

    ["models/edges"]
    stable = "newest"
    newest = "stable"               # write the version, `v2`""",
    ),
    "CC1411": Code(
        "alias that stands for nothing",
        """The version or alias that it stands for is not there (any more), or is about to be removed; or a version of the same name hides it.
Let it stand for a version, or remove it.

    chunkc store alias models/edges@stable v2
    chunkc store alias --remove models/edges@stable""",
    ),
    "CC1412": Code(
        "no room in the store",
        """The disk is full, or a limit on files is reached. What was being added is gone, and all else is as it was.""",
    ),
    "CC1413": Code(
        "store that cannot be written",
        """The system refuses to write to the store's folder: it belongs to someone else, or is mounted to be read only.""",
    ),
    "CC1414": Code(
        "stored tensors that do not fit what is declared",
        """A chunk's parameters have names, dtypes and shapes, and the stored tensors must have the same: nothing is converted, cut or left over
silently. The message says which, what was expected and what is there.""",
    ),
    "CC1415": Code(
        "newer version that does not fit the model that serves",
        """An alias was moved to a version with other tensors, dtypes, shapes or another program than the model was compiled for. Calls go on with
the version before. Move the alias back, or compile the model again.""",
    ),
    "CC1416": Code(
        "file of a kind that is not stored",
        """A store holds weights (.safetensors), models (.cc, with `--weights`), .onnx and .pt2 files.

    chunkc store add edges.cc --weights edges.safetensors --as models/edges@v1""",
    ),
    "CC1417": Code(
        "stray file in the store",
        """A file among the blobs that is none: it has no name of a sha256 in the folder of its first two digits. Nothing reads it; move it away.""",
    ),
}
