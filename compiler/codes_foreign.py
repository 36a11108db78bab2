"""The wording of the codes of chunks that something else runs, and what they need. On the form of examples see `codes_language.py`."""

from __future__ import annotations

from .diagnostics import Code

FOREIGN: dict[str, Code] = {
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
}
