"""Timelines as traces: the form that viewers read, tracks on which nothing overlaps, counters that add up to what was moved."""

import gzip
import json
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

import chunkc
from chunkc.simulator.timeline import chunks_of, trace_of, write_timeline

SPECS = Path(chunkc.__file__).parent / "specs"
MOE = """
chunk ffn(h) { h |> linear(64) |> gelu |> linear(32) }
model moe(d: int = 32) {
  input x: f32[B, T, d]
  chunk layer[3](h) {
    chunk expert[4](g) { g |> ffn }
    router gate { score = h |> linear(4)  keep = top(1) }
    fuse y = weighted_sum(expert(h), by=gate)
    output z = h + y
  }
  y = x
  for i in 0..3 { y = layer[i](y) }
  output y
}
"""


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    path = tmp_path_factory.mktemp("spec") / "moe.cc"
    path.write_text(MOE)
    told = {"dims": {"B": 2, "T": 16}, "routes": "zipf(1.2)", "inputs": 5}
    return [chunkc.simulate(path, target, **told) for target in ("h200", "edge-npu-32x32")]


@pytest.fixture(scope="module")
def events(reports):
    return trace_of(reports)["traceEvents"]


def slices(events):
    found = defaultdict(list)
    for event in events:
        if event["ph"] == "X":
            found[event["pid"], event["tid"]].append(event)
    return found


def ns(microseconds):
    return round(1000 * microseconds)


def test_events_have_what_the_format_asks_for(events):
    for event in events:
        assert event["ph"] in ("X", "C", "M") and isinstance(event["name"], str) and event["pid"] >= 1
        if event["ph"] == "X":
            assert event["ts"] >= 0 and event["dur"] > 0 and event["cat"] and isinstance(event["args"], dict)
        if event["ph"] == "C":
            assert all(isinstance(value, float) and value >= 0 for value in event["args"].values())
        if event["ph"] == "M":
            assert event["name"] in ("process_name", "thread_name", "thread_sort_index")


def test_each_target_is_a_process_and_each_engine_a_named_thread(events):
    names = {(event["pid"], event["tid"]): event["args"]["name"] for event in events if event["name"] == "thread_name"}
    assert {name for (process, _), name in names.items() if process == 1} == {"host", "device"}
    assert set(slices(events)) <= set(names)
    processes = [event["args"]["name"] for event in events if event["name"] == "process_name"]
    assert processes == ["moe on h200 (f32)", "moe on edge-npu-32x32 (f32)"]


def test_times_do_not_fall_and_slices_of_a_track_nest(events):
    for process in (1, 2):
        times = [event["ts"] for event in events if event["pid"] == process and event["ph"] != "M"]
        assert times == sorted(times)
    for found in slices(events).values():
        opened = []
        for event in found:
            begin, end = ns(event["ts"]), ns(event["ts"]) + ns(event["dur"])
            while opened and opened[-1] <= begin:
                opened.pop()
            assert not opened or end <= opened[-1]
            opened.append(end)


def test_steps_of_a_track_do_not_overlap_and_fill_the_call(reports, events):
    for process, report in enumerate(reports, start=1):
        steps = [event for event in slices(events)[process, 2] if event["cat"] != "chunk"]
        for before, after in zip(steps, steps[1:]):
            assert ns(before["ts"]) + ns(before["dur"]) <= ns(after["ts"])
        assert sum(ns(event["dur"]) for event in steps) == pytest.approx(1e9 * report.course.total, abs=len(steps))
        assert sum(event["args"]["flops"] for event in steps) == pytest.approx(report.course.flops.sum())


def test_chunks_stand_around_their_steps(events):
    device = slices(events)[1, 2]
    chunks = [event["name"] for event in device if event["cat"] == "chunk"]
    assert [name for name in chunks if name.startswith("layer")] == ["layer.0", "layer.1", "layer.2"]
    assert chunks_of("block.3.expert.0.") == ["block.3", "expert.0"] and chunks_of("") == []


def test_counters_add_up_to_the_bytes_that_were_moved(reports, events):
    for process, report in enumerate(reports, start=1):
        for level, moved in report.course.bytes.items():
            mine = [event for event in events if event["pid"] == process and event["name"] == f"{level} GB/s"]
            times, rates = [event["ts"] for event in mine], [event["args"]["GB/s"] for event in mine]
            assert np.dot(np.diff(times), rates[:-1]) * 1e3 == pytest.approx(moved.sum(), rel=1e-6)
            assert not mine or rates[-1] == 0


def test_chunks_that_are_loaded_stand_on_the_track_of_their_link():
    report = chunkc.simulate(SPECS / "active_layers.cc", "h200", dims={"B": 2, "T": 16}, inputs=3)
    events = trace_of([report])["traceEvents"]
    names = {event["tid"]: event["args"]["name"] for event in events if event["name"] == "thread_name"}
    assert names == {1: "host", 2: "device", 3: "host -> dram"}
    loads = slices(events)[1, 3]
    assert len(loads) == len(report.course.copies) > 0
    for before, after in zip(loads, loads[1:]):
        assert ns(before["ts"]) + ns(before["dur"]) <= ns(after["ts"])
    rates = [event for event in events if event["name"] == "host -> dram GB/s"]
    moved = np.dot(np.diff([event["ts"] for event in rates]), [event["args"]["GB/s"] for event in rates][:-1]) * 1e3
    assert moved == pytest.approx(sum(copy.bytes for copy in report.course.copies), rel=1e-6)
    resident = [event["args"]["MB"] for event in events if event["name"] == "chunks resident"]
    assert max(resident) * 1e6 == pytest.approx(report.loads.peak)


def test_a_name_that_ends_in_gz_is_written_by_gzip_and_alike_each_time(reports, tmp_path):
    for name in ("plain.json", "one.json.gz", "two.json.gz"):
        write_timeline(reports, tmp_path / name)
    plain = json.loads((tmp_path / "plain.json").read_text())
    assert plain == json.loads(gzip.decompress((tmp_path / "one.json.gz").read_bytes()))
    assert (tmp_path / "one.json.gz").read_bytes() == (tmp_path / "two.json.gz").read_bytes()
    assert list(plain) == ["traceEvents", "displayTimeUnit", "otherData"]
