"""The wording of the codes that elaboration gives: names, types, chunks, limits.

In an example a line that ends in `# write: …` is the mistake, and what follows is its mend (`# leave out`: the mend is nothing);
`model m(d: int = 8) { input x: f32[B, T, d]  input v: f32[B, d]  … }` stands around it unless it has a model of its own. A
test holds them to it.
"""

from __future__ import annotations

from .diagnostics import Code

NAMES = {
    "CC0201": Code(
        "unknown name",
        """Nothing in sight has this name. A name is seen from the line behind its declaration to the end of its block; ops,
chunks and models are seen where they are called. A dimension (a capital name) is known once it stands in the type of an
input.

    output y = x |> gellu               # write: output y = x |> gelu""",
    ),
    "CC0202": Code(
        "declared or given twice",
        """A name means one thing in its block, and a field, output or loss is given once. In a `for` or `if` a plain
statement rebinds a name from outside it; elsewhere choose another name, or chain the two values with `|>`.

    y = x |> linear(d)
    y = y |> relu                       # write: z = y |> relu""",
    ),
    "CC0203": Code(
        "unknown field or member",
        """A router, mask or memory block has no field of this name, or a value no such result. Selections give `.score
.weight .kept .load .first .gate`, chunks with several outputs those outputs, arrays with named members those members.

    memory { budgte = 25% }             # write: memory { budget = 25% }""",
    ),
    "CC0204": Code(
        "unknown argument",
        """The op, chunk or model has no argument or parameter of this name. `docs/ops.md` lists the arguments of every op.

    y = x |> linear(d, bais=false)      # write: y = x |> linear(d, bias=false)""",
    ),
    "CC0205": Code(
        "`next` of what is no state",
        """`next s = …` sets what a state holds from the next call on. Parameters are learned, and other names keep one value.

    param seen: f32[d] = 0              # write: state seen: f32[d] = 0
    next seen = seen + 1""",
    ),
    "CC0206": Code(
        "file that uses itself",
        """`use` brings in the models and chunks of another file, and may not come back to a file that is still being read.
What two files need of each other belongs in a third one that both use.""",
    ),
    "CC0207": Code(
        "file that cannot be used",
        """`use "blocks.cc"` names a file below the folder of the main file, relative to the file that it stands in. The
message says what is in the way: it lies outside that folder, is missing or cannot be read, or is no UTF-8 text of at most 4
MiB.""",
    ),
    "CC0208": Code(
        "no model",
        """A file is about its last model; `model name { … }` holds the inputs, statements and outputs. A file of chunks alone
can be used by others, but not compiled.""",
    ),
}

TYPES = {
    "CC0301": Code(
        "another kind of value is expected",
        """Values are tensors, bundles and lists, the results of routers and masks, or things known at compile time: numbers,
sizes, truth values, strings, shares (`25%`). The message says which is expected here and which was found.

    y = x |> linear("wide")             # write: y = x |> linear(2 * d)""",
    ),
    "CC0302": Code(
        "not known at compile time",
        """Conditions of `if`, lengths of `for`, and sizes of parameters are settled before anything runs, so they cannot
depend on data or on run-time dimensions. To choose by data, select: `where`, a router, or a mask.

    y = if x > 0 { x } else { -x }      # write: y = where(x > 0, x, -x)""",
    ),
    "CC0303": Code(
        "arithmetic without a result",
        """A division by zero, the root of a negative number, or another computation on compile-time numbers that gives no
number.

    y = x * sqrt(4 - d)                 # write: y = x * sqrt(d)""",
    ),
    "CC0304": Code(
        "negative size",
        """The size of an axis is computed from compile-time numbers and comes out below zero.

    param w: f32[d - 16]                # write: param w: f32[16 - d]""",
    ),
    "CC0305": Code(
        "types that do not fit",
        """An op, fuse or signature asks for other dtypes or shapes than it is given. Both sides are shown, with the place
each came from. Nothing is promoted silently: `cast(f32)` says so. Axes are aligned at the right, and an axis of size 1
repeats.

    y = x + linear(x, 4)                # write: y = x + linear(x, d)""",
    ),
    "CC0306": Code(
        "index out of range",
        """An index is a whole number known at compile time, from 0 to one below the number of entries; −1 is the last.
`name[i] = …` in a `for` adds the entries of a list in order, from 0.

    parts = split(x, 2)
    y = parts[2]                        # write: y = parts[1]""",
    ),
    "CC0307": Code(
        "missing, extra or repeated argument",
        """A call needs every argument that has no default, each once; those without a name are taken in order. What is piped
in with `|>` is the first.

    y = x |> heads                      # write: y = x |> heads(4)""",
    ),
    "CC0308": Code(
        "no such axis",
        """An axis goes by the name that stood for it in the input's type (conv2d calls nameless ones H and W), or by its
position: 0 is the first, −1 the last. A name that two axes share does not tell them apart.

    y = x |> mean(S)                    # write: y = x |> mean(T)""",
    ),
    "CC0309": Code(
        "input without a type",
        """The inputs of the model that is compiled have a dtype and a shape, because everything else is inferred from them.
Only a model that others call may leave them out.

    input z                             # write: input z: f32[B, d]""",
    ),
    "CC0310": Code(
        "not a start value",
        """A parameter or state starts at one number, or is drawn: `normal(std)`, `uniform(bound)`. Without a start value a
parameter starts as the weight of `linear` does, with its last axis as the fan-in.

    param w: f32[d] = gaussian(0.02)    # write: param w: f32[d] = normal(0.02)""",
    ),
    "CC0311": Code(
        "not a probability",
        """`dropout(p)` drops a share p of the elements in training, from 0 to below 1, and scales the others by 1 / (1 − p).

    y = x |> dropout(10)                # write: y = x |> dropout(10%)""",
    ),
}

CHUNKS = {
    "CC0501": Code(
        "impossible array of chunks",
        """In brackets behind a chunk's name stand sizes, whole numbers from 1, or the names of its members.

    chunk expert[0](h) { h |> relu }    # write: chunk expert[8](h) { h |> relu }""",
    ),
    "CC0502": Code(
        "run-time value outside the chunk",
        """A chunk is loaded and run on its own. It sees compile-time names, params, states and chunks around it; run-time
values and decisions come in as arguments.

    scale = sigmoid(v)
    chunk expert(h) { h * scale }       # write: chunk expert(h) { h * sigmoid(h) }
    y = expert(v)""",
    ),
    "CC0503": Code(
        "state outside the chunk",
        """A chunk may read the states around it, but `next` sets only states of the same body: which chunk would have the
last word is not said otherwise.

    state calls: f32[d] = 0
    chunk expert(h) {
      next calls = calls + 1            # leave out
      output y = h + calls
    }
    y = expert(v)""",
    ),
    "CC0504": Code(
        "incomplete extern chunk",
        """A chunk whose weights and body are stored elsewhere has a handle, `store/name@version#part`, and a signature, which
is checked against the store: the types of its inputs and of its result.

    chunk edges(v) = extern("models/edges@v1")  # write: chunk edges(v: f32[B, d]) -> f32[B, d] = extern("models/edges@v1")
    y = edges(v)""",
    ),
    "CC0505": Code(
        "recursion",
        """A chunk or model calls itself, perhaps through others. Graphs are finite: repeat with a `for` of a fixed length, or
declare an array of chunks.

    chunk block(h) { h |> block }       # write: chunk block(h) { h |> relu }
    y = block(v)""",
    ),
    "CC0506": Code(
        "no output",
        """A model, or a chunk of several statements, says what it gives.

    model m {
      input x: f32[B, 8]
      y = x |> relu                     # write: output y = x |> relu
    }""",
    ),
    "CC0507": Code(
        "input in the wrong place",
        """The inputs of a model stand in its own block, not inside a `for` or `if`; those of a chunk stand in parentheses
behind its name.

    chunk expert(h) {
      input bias: f32[d]                # leave out
      output y = h |> relu
    }
    y = expert(v)""",
    ),
    "CC0508": Code(
        "binding that does not fit",
        """`--bind edges=file.cc` puts the last model of a file in the place of the extern chunk `edges`. The file that is
compiled has such a chunk, and the model has as many inputs as the chunk.""",
    ),
}

LIMITS = {
    "CC1001": Code(
        "too much to evaluate",
        """Loops and calls are written out before anything runs, and a file may ask for some hundred thousand evaluations,
rounds of up to 65536 in one `for`, and 256 files. Layers are tens; large numbers of like parts are arrays of chunks.

    for _i in 0..1000000 { loss a = mean_all(x) }       # write: for _i in 0..4 { loss a = mean_all(x) }""",
    ),
    "CC1002": Code(
        "too large a model",
        """The model comes to more nodes, parameters or chunks than any that can be compiled in sensible time. A chunk's body
is elaborated once for all members of an array: put what repeats into one.""",
    ),
    "CC1003": Code(
        "too many elements",
        """A value or parameter of this size fits no machine, or an array has more than 65536 chunks: a slip in a size, most
likely.

    param w: f32[d, 1000000000000]      # write: param w: f32[d, 1000]""",
    ),
    "CC1004": Code(
        "too large a number or size",
        """Compile-time whole numbers stay below 2^62 in size, and a size that depends on run-time dimensions is a short
expression of them.

    y = x * (9000000000000000000 * d)   # write: y = x * (9e18 * d)""",
    ),
    "CC1005": Code(
        "nested too deeply",
        """Calls of models and chunks inside one another, and lists inside lists, go only so deep. Repeat with a `for`.""",
    ),
}
