"""One slip anywhere in a shipped target is told where it is, and never a traceback; where keys and values of TOML stand."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chunkc.compiler.diagnostics import CompileError
from chunkc.compiler.render import render_text
from chunkc.compiler.source import Source
from chunkc.compiler.toml_places import places_of
from chunkc.simulator.target_reading import FOLDER, read_target, shipped

TEXTS = {name: (FOLDER / f"{name}.toml").read_text(encoding="utf-8") for name in shipped()}


def keys(name: str) -> list[tuple[int, str]]:
    """Line number (from 0) and key of each line that gives a value."""
    lines = enumerate(TEXTS[name].splitlines())
    return [(at, line.partition(" = ")[0]) for at, line in lines if " = " in line and not line.startswith("#")]


SLIPS = [(name, at, key) for name in shipped() for at, key in keys(name)]


@given(st.sampled_from(SLIPS), st.sampled_from(["typo", "unit", "other unit", "deleted", "no value"]))
def test_any_slip_is_told_where_it_is(slip: tuple[str, int, str], kind: str) -> None:
    name, at, key = slip
    lines = TEXTS[name].splitlines()
    line, before = lines[at], lines[:at][::-1]
    table = next((each for each in before if each.startswith("[")), "")
    if kind == "typo":
        lines[at] = line.replace(key, key + "x", 1)
    elif kind == "deleted":
        del lines[at]
    elif kind == "no value":
        lines[at] = f"{key} = "
    else:
        value = tomllib.loads(line)[key]
        value = value["value"] if isinstance(value, dict) else value
        if not isinstance(value, str) or " " not in value or table == "[sources]" or key == "title":
            return
        number = value.split()[0]
        lines[at] = line.replace(f'"{value}"', f'"{number}"' if kind == "unit" else f'"{number} furlong"', 1)
    try:
        read_target("\n".join(lines) + "\n", "bad.toml")
    except CompileError as error:
        told = {item.span.line for item in error.diagnostics}
        assert all(item.span.source.path == "bad.toml" and item.message for item in error.diagnostics)
        header = at - before.index(table) if table else 1
        assert (header if kind == "deleted" else at + 1) in told or table == "[sources]"
    else:
        assert kind == "deleted" or (
            kind == "typo" and table == "[sources]"
        )  # what need not be said, and what is not referred to


@given(st.sampled_from(shipped()), st.integers(0, 10**6), st.sampled_from(list("[]{}\"'=.,#\n \\x0")), st.booleans())
def test_any_stroke_is_read_or_told(name: str, at: int, char: str, instead: bool) -> None:
    text = TEXTS[name]
    at %= len(text)
    try:
        read_target(text[:at] + char + text[at + instead :], "bad.toml")
    except CompileError as error:
        assert error.diagnostics and render_text(error.diagnostics)


@pytest.mark.parametrize("name", shipped())
def test_places_hold_what_was_read(name: str) -> None:
    places = places_of(Source("x", TEXTS[name]))

    def walk(value: object, path: tuple[str | int, ...]) -> None:
        if isinstance(value, dict):
            for key, each in value.items():
                assert places.keys[*path, key].text.strip("\"'") == key
                walk(each, (*path, key))
        elif isinstance(value, list):
            for at, each in enumerate(value):
                walk(each, (*path, at))
        else:
            assert tomllib.loads(f"x = {places.values[path].text}")["x"] == value

    walk(tomllib.loads(TEXTS[name]), ())


def test_places_of_all_that_toml_has() -> None:
    text = """
a.'b c'."d\\"e" = 1_000 # comment
x = [ 1, [ 'two', \"\"\"three
"" \"\"\"\"\" ], { y = 4.5e3, z.w = 1979-05-27 07:32:00 }, # more
]
[[t]]
[t.u]
v = '''it's'''
[[t]]
u = { v = true }
"""
    places = places_of(Source("x", text))
    paths = [("a", "b c", 'd"e'), ("x", 0), ("x", 1, 1), ("x", 2, "z", "w"), ("t", 0, "u", "v"), ("t", 1, "u", "v")]
    assert [places.values[path].text for path in paths] == [
        "1_000",
        "1",
        '"""three\n"" """""',
        "1979-05-27 07:32:00",
        "'''it's'''",
        "true",
    ]
