"""Activity profiles: what is recorded, the file, and everything that can be wrong with one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from elaborated import graph_of
from hypothesis import given
from hypothesis import strategies as st

import chunkc
from chunkc.compiler.diagnostics import CompileError
from chunkc.compiler.profile import Profile, fingerprint, profile_text, selections_of
from chunkc.compiler.profile_reading import check_belongs, parse_profile, read_profile
from chunkc.compiler.profile_recording import Recorder
from chunkc.compiler.source import Source

MIXTURE = """
    chunk expert[4](h) { h |> linear(d) }
    router gate { score = x |> linear(4)  keep = above(0.3) }
    fuse y = weighted_sum(expert(x), by=gate)
"""
NESTED = """
    chunk inner[3](h) { h |> linear(d) }
    chunk outer(h) {
      router low { score = h |> linear(3)  keep = top(1) }
      fuse z = weighted_sum(inner(h), by=low)
      output z
    }
    chunk plain(h) { h |> linear(d) }
    router high { score = x |> linear(2)  keep = top(1) }
    fuse y = weighted_sum([outer(x), plain(x)], by=high)
"""


def recorded() -> Profile:
    module = chunkc.compile(graph_of(MIXTURE), seed=3)
    generator = torch.Generator().manual_seed(1)
    batches = [torch.randn(2, 5, 8, generator=generator) for _ in range(3)]
    return chunkc.profile(module, [*batches, batches[0]])


def test_a_profile_adds_up_what_stats_show() -> None:
    module = chunkc.compile(graph_of(MIXTURE), seed=3)
    batches = [torch.randn(2, 5, 8) for _ in range(3)]
    loads, most = torch.zeros(4, dtype=torch.long), torch.zeros(4)
    module.eval()
    for batch in batches:
        module(batch)
        load = torch.tensor(module.stats()["gate"].load)
        loads, most = loads + load, torch.maximum(most, load / 10)
    module.train()
    profile = chunkc.profile(module, [(batch,) for batch in batches])
    assert module.training
    gate = profile.selections["gate"]
    assert (gate.ways, gate.decisions, gate.kept) == (4, 30, tuple(loads.tolist()))
    assert gate.most == pytest.approx(most.tolist(), abs=1e-6)
    assert profile.calls == 3 and dict(profile.dims[0][0]) == {"B": 2, "T": 5} and profile.dims[0][1] == 3
    assert sum(one.decisions for one in gate.sets) == 30
    assert [one.decisions for one in gate.sets] == sorted((one.decisions for one in gate.sets), reverse=True)


def test_a_score_that_comes_again_is_a_repeat() -> None:
    assert recorded().selections["gate"].repeats == 10
    module = chunkc.compile(graph_of(MIXTURE), seed=3)
    assert chunkc.profile(module, [torch.zeros(1, 4, 8)]).selections["gate"].repeats == 3


def test_only_decisions_that_were_taken_count() -> None:
    module = chunkc.compile(graph_of(NESTED), seed=0)
    first, second = torch.randn(2, 2, 6, 8)
    profile = chunkc.profile(module, [(first,), {"x": second}])
    high, low = profile.selections["high"], profile.selections["outer.low"]
    assert high.decisions == 24 and low.decisions == high.kept[0] < 24
    assert sum(low.kept) == low.decisions and low.repeats is None


def test_recording_leaves_the_module_as_it_was() -> None:
    body = """
        state seen: f32[8] = 0
        next seen = seen + mean(x, B, T)
        chunk expert[2](h) { h |> linear(d) }
        router gate { score = x |> linear(2)  keep = top(1) }
        fuse z = weighted_sum(expert(x), by=gate)
        y = z + seen
    """
    batch = torch.randn(2, 3, 8)
    one, other = (chunkc.compile(graph_of(body), seed=5) for _ in range(2))
    chunkc.profile(one, [batch, batch])
    other.eval()
    for _ in range(2):
        other(batch)
    for key, value in one.state_dict().items():
        assert torch.equal(value, other.state_dict()[key]), key
    assert {name for name, _ in one.named_parameters()} == {name for name, _ in other.named_parameters()}


def test_whole_calls_that_keep_one_set_are_counted() -> None:
    recorder = Recorder(graph_of(MIXTURE))
    alike, mixed = np.tile([True, False, True, False], (6, 1)), np.eye(4, dtype=bool)
    for kept in (alike, alike, mixed):
        recorder.add({"gate": kept, "gate:first": kept}, {"B": 1, "T": len(kept)})
    gate = recorder.profile().selections["gate"]
    assert (gate.sets[0].ways, gate.sets[0].decisions, gate.sets[0].calls) == ((0, 2), 12, 2)
    assert gate.most == (1.0, 0.25, 1.0, 0.25) and gate.repeats is None
    assert gate.likely(2) == (0, 2) and gate.likely(9) == (0, 2, 1, 3) and gate.never == ()
    assert recorder.profile().likely("gate", 1) == (0,) and recorder.profile().likely("nothing", 1) == ()


def test_a_call_without_positions_adds_nothing() -> None:
    recorder = Recorder(graph_of(MIXTURE))
    recorder.add({"gate": np.zeros((0, 4), bool)}, {"B": 0, "T": 3}, {"gate": np.zeros((0, 4))})
    gate = recorder.profile().selections["gate"]
    assert (gate.decisions, gate.kept, gate.sets, gate.repeats) == (0, (0, 0, 0, 0), (), 0)
    assert parse_profile(Source("p", profile_text(recorder.profile()))) == recorder.profile()


def test_the_file_reads_back_equal(tmp_path: Path) -> None:
    profile = recorded()
    profile.write(tmp_path / "p.json")
    assert read_profile(tmp_path / "p.json") == profile


def test_the_fingerprint_is_that_of_the_parameters() -> None:
    graph = graph_of(MIXTURE)
    assert fingerprint(graph) == fingerprint(chunkc.optimize(graph)) == fingerprint(graph_of(MIXTURE, training=True))
    assert fingerprint(graph) != fingerprint(graph_of(MIXTURE, d=16))
    assert list(selections_of(graph_of(NESTED))) == ["high", "outer.low"]


# ---- what can be wrong

WRONG = {
    "empty": ("", "", "a value belongs here"),
    "cut short": ('"repeats"', "", None),
    "another format": ('"chunkc profile"', '"something"', 'a profile begins with `"format": "chunkc profile"`'),
    "another version": ('"version": 1', '"version": 2', "profiles of version 1"),
    "a truth value": ('"version": 1', '"version": true', "profiles of version 1"),
    "a key twice": ('"calls": 4,', '"calls": 4, "calls": 5,', "the key `calls` stands twice"),
    "an unknown key": ('"calls": 4,', '"calls": 4, "call": 5,', "a profile has no key `call`"),
    "a missing key": ('  "calls": 4,\n', "", "a profile lacks `calls`"),
    "a fraction": ('"decisions": 40', '"decisions": 40.5', "`decisions` is a whole number"),
    "less than nothing": ('"decisions": 40', '"decisions": -40', "`decisions` is a whole number, 0 or more"),
    "too large a number": ('"decisions": 40', '"decisions": 1e999', "the number is too large"),
    "no number of JSON": ('"decisions": 40', '"decisions": NaN', "a value belongs here"),
    "too many of a way": ('"kept": [', '"kept": [41, ', "`kept` has an entry for each of the 4 ways"),
    "a way that is none": ('"sets": [', '"sets": [{"ways": [4], "decisions": 1, "calls": 0}, ', "a whole number from 0 to 3"),
    "ways out of order": ('"sets": [', '"sets": [{"ways": [2, 1], "decisions": 1, "calls": 0}, ', "the ways of a set rise"),
    "no escape": ('"model": "m"', '"model": "\\q"', "an escape that is none"),
    "control character": ('"model": "m"', '"model": "\n"', "a raw control character"),
    "more repeats than decisions": ('"repeats": 10', '"repeats": 41', "`repeats` is a whole number from 0 to 40"),
    "a share above 1": ('"most": [', '"most": [1.5, ', "`most` has an entry for each"),
    "no model": ('"model": "m"', '"model": null', "`model` is a string"),
    "text behind": ("}\n", "}\n}\n", None),
    "deep": ('"dims": [', '"dims": [' + "[" * 99 + "]" * 99 + ",", "more than 50 deep"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_with_a_file_is_told_where_it_stands(case: str) -> None:
    old, new, message = WRONG[case]
    text = profile_text(recorded())
    assert old in text
    changed = text.replace(old, new, 1) if old else ""
    if case == "cut short":
        changed = text[: text.index(old)]
    with pytest.raises(CompileError) as caught:
        parse_profile(Source("p.json", changed))
    for found in caught.value.diagnostics:
        assert found.code == "CC0901" and found.hint and found.span.source.path == "p.json"
    if message:
        assert message in str(caught.value)


def test_several_findings_are_told_at_once() -> None:
    text = profile_text(recorded()).replace('"calls": 4,', '"calls": "4",').replace('"repeats": 10', '"repeats": "x"')
    with pytest.raises(CompileError) as caught:
        parse_profile(Source("p.json", text))
    assert len(caught.value.diagnostics) == 2


@given(st.integers(0, 10_000), st.sampled_from(['"', "{", "}", "[", "]", ",", "0", "-", "e", "\\", "\x00", ""]))
def test_no_text_breaks_the_reader(place: int, char: str) -> None:
    at = place % len(TEXT)
    try:
        assert isinstance(parse_profile(Source("p", TEXT[:at] + char + TEXT[at + 1 :])), Profile)
    except CompileError as error:
        assert error.diagnostics


TEXT = profile_text(recorded())


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "p").write_bytes(b"\xff\xfe{}")
    with pytest.raises(CompileError, match="is not UTF-8"):
        read_profile(tmp_path / "p")


def test_a_profile_belongs_to_one_model() -> None:
    profile = recorded()
    check_belongs(profile, graph_of(MIXTURE))
    check_belongs(profile, chunkc.optimize(graph_of(MIXTURE)))
    for other in (graph_of(MIXTURE, d=16), graph_of(MIXTURE.replace("4", "5")), graph_of(NESTED)):
        with pytest.raises(CompileError, match="other parameters") as caught:
            check_belongs(profile, other)
        assert [found.code for found in caught.value.diagnostics] == ["CC0902"]


def test_a_selection_with_other_ways_is_told() -> None:
    fixed = "router gate { score = x |> slice(axis=-1, start=0, stop=4)  keep = top(1) }\n y = gate.weight"
    one, other = graph_of(fixed), graph_of(fixed.replace("stop=4", "stop=2"))
    module = chunkc.compile(one)
    with pytest.raises(CompileError, match="has 2 ways, and 4 in the profile"):
        check_belongs(chunkc.profile(module, [torch.randn(1, 2, 8)]), other)


def test_a_model_with_a_memory_budget_is_recorded_too() -> None:
    module = chunkc.compile(graph_of("memory { budget = 50%  evict = lru }" + MIXTURE), seed=3)
    assert module.residency() is not None
    batch = torch.randn(2, 3, 8)
    gate = chunkc.profile(module, [batch, batch]).selections["gate"]
    assert (gate.decisions, gate.repeats) == (12, 6)
