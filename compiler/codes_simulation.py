"""The wording of the codes of workloads: what is simulated besides the spec and the target."""

from __future__ import annotations

from .diagnostics import Code

SIMULATION = {
    "CC1301": Code(
        "decision that is not given",
        """Where a simulation follows the decisions of a call, it needs those of every selection that the call comes to, by call path as
`module.decisions()` has them. Without any, selections fall by their rules and by `routes`.

    chunkc.simulate(graph, "h200", dims={"B": 2, "T": 16}, decisions=module.decisions())""",
    ),
    "CC1302": Code(
        "size that is missing or impossible",
        """Every run-time dimension of the inputs needs a size, a whole number above 0, and only those have one.

    chunkc simulate moe.cc --target h200 --dims B=8,T=512""",
    ),
    "CC1303": Code(
        "selection or route that cannot be",
        """`routes` says how selections fall: `balanced`, `zipf(1.2)`, `power_law(0.5)`, or shares, counts or kept sets by the path of a
selection. A path is one that the model has; counts are whole numbers for each of its ways, and no more than its rules allow:
under `top(2)` every decision keeps exactly two.

    chunkc.simulate("moe.cc", "h200", dims={"B": 8, "T": 512}, routes={"gate": counts})      # [inputs, ways]""",
    ),
    "CC1304": Code(
        "activity trace that cannot be read",
        """A trace is a file that `numpy.savez` wrote, without pickled objects: what each selection kept in each call, recorded from the model
that is simulated. The message says what is wrong with it; record it again.

    chunkc profile moe.cc --dims B=8,T=512 --trace moe.npz
    chunkc simulate moe.cc --target h200 --dims B=8,T=512 --routes moe.npz""",
    ),
    "CC1305": Code(
        "target that has no rate for this",
        """A cost model is asked for calls in a dtype of which the target names no rate of products, or of a kind of target of which this
version prices no calls. `chunkc targets NAME` tells the dtypes of a target.

    [matrix.macs]
    bf16 = "2048 MAC/cycle"       # and `f32 = …`, for modules in f32""",
    ),
    "CC1306": Code(
        "weights that do not fit",
        """The weights of the model, in the dtype that is simulated, are more than the memory of the target's device. The simulation goes on as if
they were there. With a `memory` block only a share of them is resident, and loading chunks is timed.

    memory {
      budget   = 25%
      prefetch = 2
    }""",
    ),
    "CC1480": Code(
        "trace of loads that cannot be read",
        """A trace of loads is a JSON file that a compiled module recorded: what its calls computed and for how long, which chunks they used,
and what was loaded for them. The message says which value of it is wrong; record it again.

    with module.record_loads() as recorder: module(x)
    recorder.write("trace.json")
    chunkc loads trace.json --target here.toml""",
    ),
    "CC1482": Code(
        "budget smaller than what a call holds",
        """What a call of a recorded trace holds at once has to fit into the budget that is asked about: at the least its largest chunk, more
where several run together.

    chunkc loads trace.json --target here.toml --budget "256 MiB\"""",
    ),
    "CC1483": Code(
        "target that says nothing of loads",
        """What loads take is predicted from a target's memory `storage`, the link from there, and the table `[loading]`: how fast mapped files are
read, mapped, hashed and given back. `chunkc calibrate` measures them on the machine at hand.

    chunkc calibrate -o here.toml
    chunkc loads trace.json --target here.toml""",
    ),
    "CC1484": Code(
        "nothing to record",
        """What calls load can be recorded of a model that has a budget, or parts that are stored: of others all weights are there from the
beginning.

    memory {
      budget   = 25%
      prefetch = 2
    }""",
    ),
}
