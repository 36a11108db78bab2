"""The wording of the codes of handles and what they resolve to. On the form of examples see `codes_language.py`."""

from __future__ import annotations

from .diagnostics import Code

HANDLES: dict[str, Code] = {
    "CC1420": Code(
        "handle that cannot be read",
        """A handle is a name, and what else is needed of `[runner:][scheme:]name[@version][#part]`. A version is a name, an alias or
`sha256:` with its 64 digits; a part is dotted. Spaces and control characters stand nowhere in it.

    chunk edges(x: f32[B, d]) -> f32[B, d] = extern("models/edges@stable#encoder")""",
    ),
    "CC1421": Code(
        "scheme that is not known",
        """Without a scheme a handle names what is in the store. The others are `file:` (beside the spec), `hf:` (a Hugging Face repository),
URLs such as `s3://bucket/x.safetensors`, and in front of all of these `onnx:` or `pt2:`; `py:package.module:Class` stands alone.

    extern("flie:parts/edges.safetensors")      # write `file:`""",
    ),
    "CC1422": Code(
        "handle that leaves its place",
        """A spec reads its own folder, its store, and what is fetched by name, and nothing else: no absolute path, no `..`, no link that leads out,
no URL of this machine's files. What lies elsewhere is added to the store.

    extern("file:../secret.safetensors")        # chunkc store add ../secret.safetensors --as secret@v1""",
    ),
    "CC1423": Code(
        "nothing there",
        """The file, folder or repository that the handle names is not there, or the folder holds no `model.safetensors`, no
`model.safetensors.index.json` and no other single .safetensors file. Paths are relative to the spec's folder.""",
    ),
    "CC1424": Code(
        "part that is not in it",
        """`#part` names tensors by the dotted beginning of their names: `#layers.3` of a file means all that begin with `layers.3.`, which is
then left out of their names. The message lists what the file has.""",
    ),
    "CC1425": Code(
        "file that is not read",
        """Weights are read from .safetensors files, chunks that bring their own program from .cc, .onnx (`onnx:`) and .pt2 (`pt2:`). A `.pt`, `.pth`,
`.bin`, `.ckpt` or `.pkl` is a pickle: loading it runs whatever code its author wrote, so it is refused. Whoever trusts it converts it once:

    state = torch.load("model.pt", weights_only=True)
    safetensors.torch.save_file(state, "model.safetensors")""",
    ),
    "CC1426": Code(
        "`py:` that is not allowed",
        """`py:package.module:Class` imports a module, and so runs code that the spec does not show. It is done only if you say so, by
`--allow-python` or `allow_python=True`, for specs whose `py:` handles you know.

    chunkc run composition.cc --allow-python""",
    ),
    "CC1427": Code(
        "no store where one is needed",
        """What is fetched is kept in a store by its content; names without a scheme are a store's. It is given by `--store DIR` or `store=`, else by
the variable CHUNKC_STORE, else it is the folder `chunkc-store` beside the spec.

    chunkc lock spec.cc --store ~/chunks""",
    ),
    "CC1428": Code(
        "not here, and nothing is fetched",
        """With `--offline` only what is in the store is used: a URL or an `hf:` handle is found there by the sha256 that the lock holds for it. `chunkc
lock SPEC` without `--offline` fetches all once.""",
    ),
    "CC1429": Code(
        "library that is missing",
        """Schemes beyond local files need libraries that come as extras of chunkc: `hf`, `http`, `s3`, `gs`, `onnx`.

    pip install 'chunkc[s3]'""",
    ),
    "CC1430": Code(
        "what could not be fetched",
        """The server or repository gave no file: the message says why. A file of more than 256 GiB, or of another size than was announced, is
refused; so is a write that the disk has no room for. What was fetched in part is thrown away.""",
    ),
    "CC1431": Code(
        "content that is not what it is pinned to",
        """`@sha256:…` says what the bytes must be, and they are others: the file was replaced, or was damaged on its way. Nothing of it is used.""",
    ),
    "CC1432": Code(
        "lock that does not match",
        """`chunkc.lock` beside the spec holds what each handle stood for when it was locked: location, size and sha256. It stands for something else
now, because an alias was moved, a file was replaced, or a branch has grown. If that is meant, lock again; else put back what was there.

    chunkc lock spec.cc --update""",
    ),
    "CC1433": Code(
        "lock that cannot be read",
        """`chunkc.lock` is TOML that `chunkc lock` writes: a `version`, and for each handle `kind`, `location`, `bytes`, `sha256` and its files. One
that is damaged is put back as it was (it is kept with the specs), or deleted and written again; one that is named (`lock=`) must be there.""",
    ),
    "CC1434": Code(
        "ONNX file that reads outside, or is none",
        """An ONNX file may keep tensors in files beside it (external data). Their paths are read before anything is run: one that leaves the
file's folder, by `..`, an absolute path or a link, is refused, and so is one that is missing.""",
    ),
    "CC1435": Code(
        "sharded checkpoint that does not fit together",
        """`model.safetensors.index.json` names for each tensor the file (shard) that it lies in. A shard is missing, lies elsewhere, or has not the
tensor that the index says. Fetch the checkpoint again; the message names file and tensor.""",
    ),
    "CC1436": Code(
        "name that stands twice",
        """Two tensors of what is read have one name: in two files of a folder, or twice in one. Which is meant cannot be known.""",
    ),
    "CC1437": Code(
        "split or renaming that does not fit",
        """`--split` takes a dotted pattern with words in braces for what tells chunks apart, or `auto`, which cuts behind the last number of
each name. Tensors that match lie in the part of their beginning, all others in the part "". `--rename OLD=NEW` puts other components in the
place of some, before names are split.

    chunkc store import model.safetensors --as gpt@v1 --split "model.layers.{layer}"
    chunkc store import moe.safetensors --as moe@v1 --split "layers.{layer}.experts.{expert}\"""",
    ),
    "CC1438": Code(
        "tensor that cannot be stored",
        """What is stored of a module or a state dict are tensors with values: dense ones, of a dtype that safetensors has. A parameter on
`meta` has no values: load the module first. Sparse and quantised tensors are made dense first; what is no tensor has no place in a store.

    chunkc.import_checkpoint(model, "gpt@v1", store="chunks", split="layers.{layer}")""",
    ),
}
