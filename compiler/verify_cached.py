"""What a `cached` part must say, and be, for its rows to be remembered across calls."""

from __future__ import annotations

from collections.abc import Iterator

from .bodies import body_order
from .ir import Graph, Node
from .mixing import has_effects, row_prefix
from .ops import OPS


def cached_problems(node: Node, body: Graph) -> Iterator[str]:
    """What is wrong with a cached part: its attributes, or a body whose rows are not told by the rows of the keys.

    - `path`: of the selection; with the call path it names the cache;
    - `keys`: for each operand, whether it is looked up (else it is the same for all rows, and made of no input);
    - `rows`: how many leading axes of the keys and of what it gives are rows, looked up one by one;
    - `entries`: how many rows are held; `bits`: of the fingerprint that stands for a row (absent: the whole row does).
    """
    attrs = node.attrs
    keys, rows = attrs.get("keys"), attrs.get("rows")
    if not isinstance(attrs.get("path"), str):
        yield "a cached part has a `path`"
    elif not _count(attrs.get("entries")) or not _count(attrs.get("bits", 1)):
        yield "a cached part holds at least one entry, by fingerprints of at least one bit: `entries = 64, bits = 16`"
    elif not isinstance(keys, tuple) or len(keys) != len(node.operands) or True not in keys or set(keys) - {True, False}:
        yield "a cached part says of each operand whether it is a key: `keys = [true, false]`"
    elif not _count(rows) or has_effects(body) or any(_unsteady(n) for one in (body, *body_order(body)) for n in one.nodes):
        yield "a cached part has `rows`, and a body that decides, draws and leaves nothing"
    elif row_prefix(body, [rows if mine else None for mine in keys]) < int(str(rows)):
        yield f"a cached part of {rows} axes of rows needs each row to depend on that row of its keys alone"


def _count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _unsteady(node: Node) -> bool:
    return node.op == "select" or (node.op in OPS and (OPS[node.op].random or OPS[node.op].outside))
