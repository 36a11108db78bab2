"""Microbenchmarks: every grid can be measured at its first points."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from chunkc.backends.torch.measuring.grids import jobs, over
from chunkc.backends.torch.measuring.loads import measure_loads
from chunkc.backends.torch.measuring.timing import seconds_of

JOBS = list(jobs(("f32", "bf16")))


@torch.no_grad()
@pytest.mark.parametrize("job", JOBS, ids=lambda job: f"{job.op}-{job.dtype}")
def test_first_points(job: object) -> None:
    first = {name: sizes[:2] if name != "elements" else sizes[:1] for name, sizes in job.grid.items()}
    if job.cold:
        first = {name: sizes[:1] for name, sizes in job.grid.items()}
    times = over(replace(job, grid=first), budget=1e-4)
    assert all(0 < time < 10 for time in times)


def test_points_that_are_too_large_follow_from_smaller_ones() -> None:
    job = replace(JOBS[0], grid={"m": (1, 2), "n": (1,), "k": (1,)}, make=lambda m, n, k: [lambda: None] if m == 1 else None)
    small, large = over(job, budget=1e-4)
    assert large == 2 * small


def test_calls_in_turn_are_each_counted() -> None:
    seen: list[int] = []
    assert seconds_of([lambda: seen.append(0), lambda: seen.append(1)], budget=1e-4) < 1e-3
    assert abs(seen.count(0) - seen.count(1)) <= 1


def test_loads_of_files_are_measured_and_no_file_is_left(tmp_path):
    found = measure_loads(tmp_path, large=4 << 20, count=3)
    assert 0 < found.request < 0.1 and 0 <= found.latency < 1
    assert 1e6 < found.hashed <= 1e12 and 1e6 < found.cold <= found.mapped and found.dropped > 1e6 and found.size > 0
    assert not list(tmp_path.iterdir())
