"""`python -m benchmarks.ragged`: how long pricing a mixture model takes with given routes, as a table for `docs/grouped.md`.

48 layers of 128 experts, 512 tokens with 8 choices each, 1,000 inputs; three products a layer. Processor time of one thread, the
least of some warm rounds; drawing the routes is timed apart.
"""

from __future__ import annotations

import time

import numpy as np

from chunkc.simulator.gpu.machine import GpuMachine
from chunkc.simulator.target_reading import load_target

from .engine import least

LAYERS, WAYS, INPUTS, CHOICES = 48, 128, 1000, 512 * 8
PRODUCTS = ((768, 2048), (768, 2048), (2048, 768))


def main() -> None:
    """The table, on standard output."""
    machine = GpuMachine(load_target("h200"))
    begun = time.process_time()
    shares = np.arange(1, WAYS + 1) ** -0.5
    loads = np.random.default_rng(0).multinomial(CHOICES, shares / shares.sum(), size=(LAYERS, INPUTS))
    drawn = time.process_time() - begun

    def price(inputs: int) -> None:
        for layer in loads:
            for n, k in PRODUCTS:
                machine.time_grouped(layer[:inputs], n, k, "bf16")

    print("| inputs | seconds | ragged products a second |", "| --- | --- | --- |", sep="\n")
    for inputs in (10, 100, INPUTS):
        taken = least(lambda inputs=inputs: price(inputs))
        print(f"| {inputs} | {taken:.3f} | {inputs * LAYERS * len(PRODUCTS) / taken:,.0f} |")
    print(f"\nDrawing the routes of {INPUTS} inputs: {drawn:.3f} s")


if __name__ == "__main__":
    main()
