"""The wording of the codes of target files."""

from __future__ import annotations

from .diagnostics import Code

TARGETS = {
    "CC1201": Code(
        "target that is no TOML",
        """A target is a file of TOML 1.0 in UTF-8; this one cannot be read as such. The place is the first one at which reading stopped: what is
wrong often stands right before it, such as a quote that is not closed, a key written twice, or a unit outside of quotes.

    bandwidth = 4.8 TB/s          # write "4.8 TB/s\"""",
    ),
    "CC1202": Code(
        "key that a target does not have",
        """Tables and keys of a target are those of `docs/targets.md`, and no others: a misspelt one would otherwise be left out in silence. A
value may carry notes: then it is a table of `value`, `source`, `fitted` and `means`.

    [memory.dram]
    bandwith = "4.8 TB/s"         # write `bandwidth`
    size = { value = "141 GB", sorce = "datasheet" }""",
    ),
    "CC1203": Code(
        "key that is missing",
        """A target needs `kind`, `title`, `clock`, `matrix`, `vector` and `memory`; each level of memory a size and a bandwidth; a systolic array
its rows, columns and dataflow. Energies are said of everything or of nothing.

    [memory.dram]
    size = "141 GB"               # and `bandwidth = "4.8 TB/s"`""",
    ),
    "CC1204": Code(
        "value of another kind",
        """A text, a whole number, one of some words, a table or an array is asked for here, and something else is written. Counts are numbers
without quotes, quantities are text with a unit.

    [matrix]
    units = "132"                 # write 132
    dataflow = "weights"          # write "ws", "os" or "is\"""",
    ),
    "CC1205": Code(
        "unit that is missing, not known, or of something else",
        """Every quantity carries its unit: s, B, bit, Hz, J, W, MAC, FLOP (or OP), with prefixes of thousands (k M G T P E, m u n p f) or of 1024s
(Ki Mi Gi Ti Pi), divided by `/`; `cycle` is one at the target's clock, `unit` one SM, array or core. FLOPs are two a MAC.

    [memory.dram]
    bandwidth = "4.8 TB"          # a size: write "4.8 TB/s"
    latency = 600                 # write "600 ns" or "1200 cycle\"""",
    ),
    "CC1206": Code(
        "contradiction in a target",
        """Each value can be read, but it cannot be, or not beside another one: a level of memory that is faster than a nearer one which its bytes
pass, or smaller; a link to a level that is not there; less than nothing; more power when waiting than at most.

    [power]
    idle = "90 W"
    limit = "70 W\"""",
    ),
    "CC1207": Code(
        "fitted values: too many, or without a meaning",
        """A value that was found by fitting to measurements says so, and which physical quantity it stands for. A target has at most twelve: with
enough of them anything fits, and what comes out for other shapes means nothing.

    [gemm]
    fill = { value = "0.91", fitted = true, means = "share of the peak that a full wave of tiles reaches" }""",
    ),
    "CC1208": Code(
        "GPU without constants of products",
        """The target says what the hardware is, but not how near products come to it. It can be used: constants that are not given are those of
an ideal machine, so times are too low. `chunkc calibrate` writes a table `[gemm]` from measurements.

    chunkc calibrate --from gemm.csv --kind gemm --target my-gpu.toml""",
    ),
}
