"""The wording of the codes of stored chunks in a spec. On the form of examples see `codes_language.py`."""

from __future__ import annotations

from .diagnostics import Code

STORED: dict[str, Code] = {
    "CC1440": Code(
        "stored chunk of the wrong kind",
        """`= extern(…)` stands for a whole chunk: a .cc text with its weights, or what `onnx:`, `pt2:` or `py:` runs. Weights alone do not say
what is computed with them; write the chunk, and take them by `from`. What something else runs has no weights for a written chunk.

    chunk edges(x: f32[B, d]) -> f32[B, d] = extern("weights/edges@v1")     # write: chunk edges(x) { … } from "weights/edges@v1" """,
    ),
    "CC1441": Code(
        "stored text that does not say the chunk",
        """The text that is stored with a model is put in the chunk's place as `--bind` puts a file: the model or chunk named by `#part`, else its last
model. It uses no other file, takes as many inputs as the chunk, does not hold itself, and is of at most 4 MiB. Its own `memory` block says nothing here.""",
    ),
    "CC1442": Code(
        "stored chunks in an array that share no body",
        """The members of an array have one body and weights of their own: member i takes `#part.i`. So the texts that they are stored with are the
same, and what `onnx:`, `pt2:` or `py:` runs is declared chunk by chunk, outside of arrays.

    chunk a(x: f32[B, d]) -> f32[B, d] = extern("onnx:parts/a.onnx")
    chunk b(x: f32[B, d]) -> f32[B, d] = extern("onnx:parts/b.onnx")
    y = sum([a(x), b(x)])""",
    ),
    "CC1443": Code(
        "signature that something else cannot run by",
        """Of what `onnx:`, `pt2:` or `py:` runs nothing is known but its signature: each size of its result is a number or a size of an input, and it
cannot be called `among` kept positions.

    chunk edges(x: f32[B, T, d]) -> f32[B, N, d] = extern("onnx:edges.onnx")     # write: -> f32[B, T, d]""",
    ),
    "CC1444": Code(
        "chunk that is missing when it is compiled",
        """Calls do without the chunk, as its `on_missing` says. A written chunk, and a member of an array, is taken when it is there. Of an extern whose
handle stands for nothing not even the body is known: compile again when it is there.""",
    ),
    "CC1445": Code(
        "stored weights that nothing reads",
        """What the handle names has tensors besides those of the chunk. That is no error, and often a sign of another version or of a part (`#encoder`)
that was meant.""",
    ),
    "CC1446": Code(
        "stored weights without a store",
        """A chunk is written `from` what a store has, and there is no store (or file) to be found. It is drawn from the seed then, as if nothing were
stored: right for a first look, wrong for a result.

    chunkc run spec.cc --store ~/chunks""",
    ),
    "CC1448": Code(
        "`on_missing` that says nothing",
        """`on_missing = skip` takes a chunk that cannot be loaded from the ways that a router can choose, so its calls stand in a fuse `by=` a router
and nowhere else. `zero` stands for the one float tensor that a call gives. It is said of one chunk, `extern("…", on_missing=zero)`, or
of all in the `memory` block of the model. What is not said stops a call with an error.

    memory { on_missing = skip }
    output y = edges(x)                     # write: chunk edges(…) -> … = extern("…", on_missing=zero)""",
    ),
    "CC1449": Code(
        "what the reference does not run",
        """The reference computes what is written in the language. What `onnx:`, `pt2:` or `py:` runs is run by torch; in Python the reference takes a
function for it.

    chunkc.reference(graph, inputs, params, foreign={"edges": function})""",
    ),
    "CC1447": Code(
        "requirement that cannot be read",
        """What a chunk requires is written as `pip` reads it (PEP 508): a name, and versions if need be. Whether it is installed is looked at when the
chunk is first run.

    chunk shapes(x: f32[B, d]) -> f32[B, d] = extern("onnx:shapes.onnx") requires "onnxruntime>=1.20" """,
    ),
}
