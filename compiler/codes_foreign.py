"""The wording of the codes of chunks that something else runs, and what they need. On the form of examples see `codes_language.py`."""

from __future__ import annotations

from .diagnostics import Code

FOREIGN: dict[str, Code] = {
    "CC1460": Code(
        "file that cannot be read by what runs it",
        """`onnx:` files are read by onnxruntime, `pt2:` archives by torch. The message is what these say. A file that is whole may have been
written by a newer version than the one that reads it.""",
    ),
    "CC1461": Code(
        "chunk that is not what was declared",
        """The signature of an extern chunk in the spec is what all else is checked against: names, dtypes and sizes of inputs, and the one
output. A run-time dimension (a capital name) must not be fixed in the file, for rows that a selection did not keep are left out. An archive that
writes into its own buffers (a batch norm that was exported in training) gives something else in each call, and is none.

    torch.onnx.export(model, (x,), "shapes.onnx", dynamic_shapes=({0: "B"},))
    torch.export.save(torch.export.export(model, (x,), dynamic_shapes=({0: torch.export.Dim.AUTO},)), "shapes.pt2")""",
    ),
    "CC1462": Code(
        "ONNX file with tensors outside of its folder",
        """An ONNX file may keep tensors in files that it names. Only files in its own folder, or below it, are read, and they must be there.

    onnx.save_model(model, "shapes.onnx", save_as_external_data=True, location="shapes.data")""",
    ),
    "CC1463": Code(
        "archive that could run code when it is read",
        """`torch.export.load` unpickles what is pickled in an archive, evaluates its sizes as Python and calls the functions that it names. An
archive is read only if it holds tensors as bytes, calls of torch's operators, and sizes that are arithmetic: what
`torch.export.save` writes for a plain model. Compiled archives (AOTInductor) hold machine code, and are refused too.""",
    ),
    "CC1464": Code(
        "requirement that is not met",
        """What `requires` says (PEP 508, with extras and markers) is looked at when a chunk is first activated, in the environment that
chunkc runs in. The message has the version that was wanted and the one that was found, the hint what installs it.

    chunk shapes(x: f32[B, d]) -> f32[B, d] = extern("onnx:shapes.onnx") requires "onnxruntime>=1.20"
""",
    ),
    "CC1465": Code(
        "chunk that failed while it ran",
        """What runs the chunk raised an error, which the message names. The model serves on where its router leaves the chunk out.""",
    ),
    "CC1466": Code(
        "Python class that cannot be made",
        """`py:package.module:Class` names a class that is made without arguments, or a function; either is called with the chunk's inputs,
tensors, and gives one. The module is looked for in the folder of the spec, then among the installed packages.""",
    ),
    "CC1467": Code(
        "gradient wanted through a chunk that has none",
        """Onnxruntime gives values, and no gradients. Where an input of an `onnx:` chunk depends on something that is trained, bring the
chunk as `pt2:` or as a model of the store instead, or call under `torch.no_grad()`.""",
    ),
    "CC1468": Code(
        "chunk that only runs in a call of its own",
        """A chunk that something else runs is a step of the host, and no part of a graph that `torch.compile` or `torch.export` captures, nor of
a standalone module. Call the module as it is, or take `module.regions()`: all that lies between host steps.""",
    ),
    "CC1469": Code(
        "version that is larger than the plan was made for",
        """Under a budget, what is loaded when is planned with the sizes of the files that handles stood for then. A later version of a chunk
that something else runs may be smaller, but not larger: compile the spec again, and the plan is made for it.""",
    ),
    "CC1470": Code(
        "requirement that cannot be read",
        """What an isolated chunk `requires` is installed by pip, and is written as pip takes it (PEP 508): a name, versions, extras, markers.

    chunk edges(x: f32[B, d]) -> f32[B, d] = extern("onnx:edges.onnx") requires "onnxruntime=>1.20" isolated     # write >=""",
    ),
    "CC1471": Code(
        "packages that may not be installed",
        """To install a package is to run code of others, so a spec alone cannot cause it. For an ONNX file, `onnxruntime` and `numpy` by name and
version are installed without being asked; anything else with `--allow-python` (in Python: `allow_python=True`).

    chunk edges(x: f32[B, d]) -> f32[B, d] = extern("onnx:edges.onnx") requires "onnxruntime", "left-pad" isolated""",
    ),
    "CC1472": Code(
        "environment that cannot be made",
        """The environment of an isolated chunk is made by `python -m venv` and `pip install`, and kept in the user's cache folder. One of them failed;
its last lines stand in the message. The settings of pip (index, proxy, certificates) hold here too.

    chunk edges(x: f32[B, d]) -> f32[B, d] = extern("onnx:edges.onnx") requires "onnxruntime==0.0.1" isolated    # there is none""",
    ),
    "CC1473": Code(
        "worker that cannot be started",
        """An isolated chunk runs in a process of its own, with memory shared by both. The process, a pipe or the memory was not to be had: the message
says what the system answered. A folder that was removed, too many open files, or too little memory are the common causes.""",
    ),
    "CC1474": Code(
        "chunk that its environment cannot load",
        """The worker runs, and the chunk in it failed while it was loaded: a package is not among what it `requires`, the class is not in its module,
or the file is none. In the environment is what the chunk requires and nothing else.

    chunk edges(x: f32[B, d]) -> f32[B, d] = extern("py:mine:Edges") requires "numpy>=2" isolated    # and `mine` imports scipy""",
    ),
    "CC1475": Code(
        "worker that ended twice",
        """The process of an isolated chunk ended while it was asked (a crash, a signal, no answer in time), was started again, and ended again at the
same call. The message has its exit status or signal, and what it wrote last. The next call starts another one. How long it is
waited for is set in seconds by the environment variable `CHUNKC_WORKER_TIMEOUT` (300).""",
    ),
    "CC1476": Code(
        "chunk that raised an error",
        """The code of an isolated chunk raised an error for these inputs, or gave what is no array; the message has the error and where it was raised.
Its process lives on, and serves the next call.""",
    ),
    "CC1477": Code(
        "chunk of a kind that cannot be isolated",
        """ONNX files and Python classes can run in an environment of their own. A torch.export archive is looked through by this process's torch
before it is read, and is read by the same torch.

    chunk edges(x: f32[B, d]) -> f32[B, d] = extern("pt2:edges.pt2") requires "torch>=2.11"     # without `isolated`""",
    ),
    "CC1478": Code(
        "time to wait for a worker that is none",
        """How long the process of an isolated chunk is waited for stands in the environment variable `CHUNKC_WORKER_TIMEOUT`: seconds, above 0.

    CHUNKC_WORKER_TIMEOUT=2.5 python serve.py""",
    ),
    "CC1479": Code(
        "requirement of what requires nothing",
        """What is written in the language, here or in a stored text, is computed by chunkc and needs no other package, and no environment of its own. Only
what `onnx:`, `pt2:` or `py:` runs requires something.

    chunk edges(x) { x |> linear(d) } requires "numpy>=2"     # write: chunk edges(x) { x |> linear(d) }""",
    ),
}
