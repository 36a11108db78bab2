"""The wording of every diagnostic code: a title, and the longer explanation that `chunkc explain CODE` prints."""

from __future__ import annotations

from .codes_foreign import FOREIGN
from .codes_handles import HANDLES
from .codes_language import CHUNKS, LIMITS, NAMES, TYPES
from .codes_loading import LOADING
from .codes_profile import PROFILES
from .codes_selections import SELECTIONS, WARNINGS
from .codes_simulation import SIMULATION
from .codes_store import STORE
from .codes_stored import STORED
from .codes_tables import TABLES
from .codes_targets import TARGETS
from .diagnostics import Code

# ---- CC01xx: what is written is not `.cc`

SYNTAX = {
    "CC0101": Code(
        "unexpected text",
        """What stands here cannot follow what stands before it. A newline ends a statement, unless a bracket ( or [ is open
or the next line begins with an operator other than `-`, so a value may go on like this:

    y = x
      |> linear(d)
      |> gelu

Fields of a router, mask or memory may share a line, without commas: `{ score = x  keep = top(2) }`.""",
    ),
    "CC0102": Code(
        "unmatched bracket",
        """A bracket is opened and not closed, or closed and not opened. The place it was opened at is shown; the bracket that is
missing often belongs some lines above the place where it is missed.

    chunk expert[8](h) { h |> linear(d)
    router gate { … }                       # the `}` of the chunk is missing""",
    ),
    "CC0103": Code(
        "stray character",
        """This character has no meaning in a `.cc` file outside strings and comments. Characters that look like others
(typographic quotes, `×`, `→`, the no-break space) usually come from copying out of a document; comments begin with `#`.""",
    ),
    "CC0104": Code(
        "unterminated string",
        """A string ends on the line it begins on, with a `"`. A newline inside is written `\\n`, a quote `\\"`.

    use "blocks.cc""",
    ),
    "CC0105": Code(
        "unknown escape",
        """In a string a backslash begins `\\n`, `\\t`, `\\r`, `\\"`, `\\\\` and `\\u{…}` (the base-16 number of a character).
A path with backslashes is written with slashes.

    use "models\\blocks.cc"     # write "models/blocks.cc\"""",
    ),
    "CC0106": Code(
        "file or value too large",
        """A `.cc` file is at most one MiB long, and statements and values nest at most 200 deep, where a chain (`a |> b |> c`,
`a + b + c`) counts one level a link, so that no file can make the tool run out of time or stack. Give a part of the value
a name, or split the file with `use`.""",
    ),
    "CC0107": Code(
        "number too large",
        """Whole numbers go up to 9223372036854775807 (an i64 holds no more), others to about 1.8e308.""",
    ),
    "CC0108": Code(
        "value that goes nowhere",
        """A value alone is no statement, except as the whole body of a chunk or the whole branch of an `if` that has a value.

    model m {
      input x: f32[B, 8]
      x |> linear(4)            # write: output y = x |> linear(4)
    }""",
    ),
    "CC0109": Code(
        "`if` without a value",
        """Used as a value, `if` has one value in each branch, and an `else`: `if training { top(1) } else { all }`. An `if`
that holds statements stands alone.

    h = if wide { a = 3 }       # write: if wide { h = 3 }""",
    ),
    "CC0110": Code(
        "`|>` into something that takes no value",
        """`x |> f(a)` is `f(x, a)`: on the right stands the name of an op, chunk or model, or a call with the other arguments.

    y = x |> 3                  # write: y = x * 3""",
    ),
    "CC0111": Code(
        "`%` name outside `core`",
        """Names that begin with `%` are those that passes give to the values of a `core { … }`; people name them plainly.""",
    ),
    "CC0112": Code(
        "not a name",
        """Left of `=` stands a name, or a name with one index (which collects a list in a `for`).

    f(x) = 3
    h[i] = block[i](h[i - 1])   # this is right""",
    ),
    "CC0113": Code(
        "clause given twice",
        """A chunk takes its stored weights `from` one handle. Several things it needs are written `requires "a", "b"`.""",
    ),
}

# ---- CC07xx: what a command was given

COMMANDS = {
    "CC0701": Code(
        "file that cannot be read or written",
        """The system refused the file, or it is no UTF-8 text. The message says why.""",
    ),
    "CC0702": Code(
        "unknown parameter in `-D`",
        """`-D NAME=VALUE` sets a compile-time parameter of the model, one of those in parentheses behind its name. Each is given once.

    model moe(d: int = 512, k: int = 2) { … }       # chunkc run moe.cc -D k=4""",
    ),
    "CC0703": Code(
        "`-D` value of another type",
        """The value does not read as the type that the model declares: an `int` is a whole number, a `float` any number, a `bool`
`true` or `false`.""",
    ),
    "CC0704": Code(
        "unknown dimension in `--dims`",
        """`--dims B=2,T=16` gives sizes to the run-time dimensions of the inputs, the capital names in their types. Each is given once.""",
    ),
    "CC0705": Code(
        "size that is missing or impossible",
        """Every run-time dimension of the inputs needs a size: a whole number from `--dims`, or the shape of an array from `--input`.
An input of more than 2^28 elements is taken for a slip.""",
    ),
    "CC0706": Code(
        "unknown input in `--input`",
        """`--input NAME=FILE` reads an input of the model from a .npy file. Each is given once; those not given are random.""",
    ),
    "CC0707": Code(
        "not a .npy file of numbers",
        """Inputs are read from files that `numpy.save` wrote: one array each. Files with pickled objects are never loaded, because loading
them runs code.""",
    ),
    "CC0708": Code(
        "array that does not fit its input",
        """The array's dtype, its number of dimensions, or the size of one of them is not what the input declares, or the same run-time
dimension has two sizes. Nothing is converted silently: save `x.astype(numpy.float32)` for an f32 input (also for bf16, which NumPy lacks).""",
    ),
    "CC0709": Code(
        "unknown pass",
        """`--passes a,b` runs passes in this order; the message lists their names. Passes of one's own are read with `--plugin my_pass.py`.""",
    ),
    "CC0710": Code(
        "`--bind` that does not fit",
        """`--bind NAME=FILE` puts the chunk written in a .cc file in the place of the extern chunk NAME.""",
    ),
    "CC0712": Code(
        "unknown output in `--output`",
        """`--output NAME` asks for an output of the model; what only others need is not computed. Without it, the first is computed.""",
    ),
    "CC0713": Code(
        "not enough memory",
        """The weights, inputs or values of the model do not fit into the memory of this machine. Smaller ones can be had by `-D` and `--dims`.""",
    ),
    "CC0714": Code(
        "list of passes, or option of a pass, that cannot be read",
        """Passes stand with commas between. Options are the fields of the pass, in parentheses: whole and other numbers, `true`, `false`, `none`,
text (in quotes if it has commas or spaces) and lists. A group that is to run until nothing changes is `fixpoint(a, b)`; a level stands
for its passes.

    chunkc opt moe.cc --passes "O1, choose-kernels(dims='B=8,T=512')\"""",
    ),
    "CC0715": Code(
        "passes in an order that does not work",
        """A pass may declare that it builds on another (`after`, `needs`), and the passes that choose how a graph is run come behind all that
rewrite it, because rewriting would lose the choice.

    chunkc opt moe.cc --passes choose-kernels,canonicalize      # write canonicalize,choose-kernels""",
    ),
    "CC0716": Code(
        "chunk larger than the memory budget",
        """A chunk runs only where all of its weights are resident, and so does a call for all chunks that it reads. What stands outside of
chunks (a router's weights) is resident all the time, and counts.

    memory { budget = 1KiB }            # with a chunk of 2 KiB: write budget = 3KiB, or make two chunks of it""",
    ),
    "CC0718": Code(
        "plugin that gives no pass",
        """`--plugin my_pass.py` runs a Python file and takes the passes that it defines: classes with a `name` and `apply(graph)`. An installed
package gives passes by entry points of the group `chunkc.passes`. The message says what is wrong with the file or the package.

    @dataclass(frozen=True, slots=True)
    class ForgetNames:
        name: ClassVar[str] = "forget-names"

        def apply(self, graph: Graph) -> Graph: …""",
    ),
    "CC0719": Code(
        "pass of one's own that fails",
        """A pass from a plugin raised an error, or gave a graph that is not well formed: types, sizes, paths and the order of nodes are
verified behind it. The message says what, and where in the file.""",
    ),
    "CC0720": Code(
        "bisection of values that cannot be run",
        """`--bisect values` compares what graphs compute on random values and small sizes. A graph that calls a stored chunk, or suits none of
the sizes tried, cannot be run so; a command of one's own can stand in.

    chunkc opt moe.cc --bisect "chunkc run {} --dims B=3,T=5\"""",
    ),
    "CC0721": Code(
        "target that is not known",
        """`--target` takes the name of a target that comes with chunkc (`chunkc targets` lists them), or the path of a file that ends in `.toml`.

    chunkc targets h200
    chunkc targets ./my-npu.toml""",
    ),
    "CC0722": Code(
        "routes that cannot be",
        """`--routes` says how selections fall: `balanced`, `uniform`, `zipf(1.2)` or `power_law(0.5)`; for one of them by its path, where a
number is the share that it keeps; or the file of a trace that was recorded of the model, which says all of it.

    chunkc simulate moe.cc --target h200 --dims B=8,T=512 --routes "zipf(1.2)"
    chunkc simulate gpt.cc --target h200 --dims B=8,T=512 --routes balanced --routes near=0.2""",
    ),
    "CC0711": Code(
        "extern chunk that is not there",
        """To run, an `extern` chunk needs what its handle names: in the store (`--store DIR`, `$CHUNKC_STORE`, or the folder `chunkc-store`
beside the spec) or behind a location. Without it a spec is only checked. A written chunk can stand in: `--bind NAME=FILE` takes the
last model of the file, its inputs in order.

    chunkc store add edges.cc --weights edges.safetensors --as models/edges@v1 --store chunks
    chunkc run composition.cc --dims B=2 --store chunks
    chunkc run composition.cc --dims B=2 --bind edges=edges.cc --bind texture=texture.cc --bind shapes=shapes.cc""",
    ),
}

# ---- CC06xx: the core form

CORE = {
    "CC0601": Code(
        "unknown word or op in `core`",
        """A node is `input`, `param`, `state`, `const`, `select`, `apply`, `fuse`, `field`, or `op` with the name of an op. The roots of a graph
are `output`, `loss` and `next`.

    %2 = op linear (%0, %1) {slots = ["x", "weight"]} : f32[B, 8]""",
    ),
    "CC0602": Code(
        "unknown `%` name in `core`",
        """A `core` names each value before it is read. `%c0` is a chunk's body, written once above the first `apply` that calls it. The
name behind `next` is the path of a `state` of the same graph.""",
    ),
    "CC0603": Code(
        "said twice, or no attribute of a graph",
        """Each `%` name is given once in a block, each attribute once in its braces. A graph has the attributes `name`, `training`, `memory`,
`chunks` and `parameters`; a body only `training`.""",
    ),
    "CC0604": Code(
        "no type",
        """Types of the core form are `f32[B, 8]`, `bundle[4](f32[B, 8])`, `selection(bool[B, 4], f32[B, 4])` and
`record(y=f32[B, 8])`. Only a node that is an `op` may leave its type to be inferred.""",
    ),
    "CC0605": Code(
        "no value of the core form",
        """Attributes are numbers, `true`, `false`, `none`, strings, dtypes, lists, sizes over run-time dimensions (`2 * T`, `floor(T / 2)`,
`ceil(T / 2)`, `max(S, T)`, `(T mod 2)`) and rules (`top(2, over=[-1], of="score")`, `above(0.5)`, `first(share(0.25))`).""",
    ),
    "CC0606": Code(
        "graph that is not well formed",
        """The words are right, but what they say does not fit: a type is not what the op gives, an attribute is missing or not in core
form (axes count from the end), a selection has other ways than its fuse has streams, or a path is not in the parameter table.""",
    ),
}

CODES: dict[str, Code] = {
    **SYNTAX,
    **NAMES,
    **TYPES,
    **SELECTIONS,
    **CHUNKS,
    **CORE,
    **COMMANDS,
    **WARNINGS,
    **LIMITS,
    **PROFILES,
    **TABLES,
    **STORE,
    **HANDLES,
    **LOADING,
    **FOREIGN,
    **STORED,
    **TARGETS,
    **SIMULATION,
}
"""All codes; each section is added here."""
