"""Packing: a body called `among` a selection runs on the kept positions alone, laid side by side.

The law: in `block(x, among=live)` kept positions see only each other, at their original positions, and what the others give
is selected away by the fuse around it. The body is handed which positions are kept and where each stands, and reads both
wherever positions meet. So if everything else in it works on each position for itself, positions may be dropped before it
runs: `[B, T, …]` becomes `[B, n, …]`, where n is the most that any sample keeps, and places to spare are positions that are
not kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..ir import Graph, Node, users
from ..ops import OPS

Place = int | None
"""Where the axis of positions stands in a value, from the end; None: the value has none."""

LAST_AXIS = frozenset({"linear", "layer_norm", "rms_norm", "l2_norm"})


def packs(apply: Node) -> bool:
    """Whether a call may run on packed positions."""
    body = apply.attrs["body"]
    if not apply.attrs.get("among") or body is None or body.nexts or (body.training and body.losses):
        return False
    return all(place is not None and place == 1 - node.tensor.rank for node, place in _outputs(body))


def packs_rows(apply: Node) -> bool:
    """Whether a packed call may have the kept positions of all samples one behind the other: where its body reads what is kept
    in the masks of attention only, which then go by samples."""
    if not packs(apply):
        return False
    body = apply.attrs["body"]
    reads = users(body)

    def masks(node: Node) -> bool:
        return all(
            masks(reader) if reader.op == "unsqueeze" else reader.op == "attention" and reader.slot("mask") is node
            for reader in reads[node]
        )

    plain = all(not node.attrs["after"] and node.slot("gate") is None for node in body.nodes if node.op == "attention")
    return plain and body.inputs[-2] not in body.roots and masks(body.inputs[-2])


def _outputs(body: Graph) -> list[tuple[Node, Place]]:
    places: dict[Node, Place] = {}
    for node in body.nodes:
        if node.op == "input":
            places[node] = 1 - node.tensor.rank
        elif node.op in ("param", "state", "const"):
            places[node] = None
        else:
            found = _place(node, places)
            if found is False:
                return [(body.outputs[0][1], None)]
            places[node] = found
    return [(node, places[node]) for _, node in body.outputs]


def _place(node: Node, places: Mapping[Node, Place]) -> Place | bool:
    """Where positions stand in an op's result; False where the op lets them meet, or is not known not to."""
    own = [places[operand] for operand in node.operands]
    if node.op not in OPS or OPS[node.op].random:
        return False
    if all(place is None for place in own):
        return None
    if OPS[node.op].pointwise:
        return _pointwise(node, own)
    x = own[0]
    if node.op in LAST_AXIS or node.op == "softmax" and node.attrs["axis"] == -1:
        return x if x is not None and x <= -2 and all(place is None for place in own[1:]) else False
    if node.op == "unsqueeze":
        assert x is not None
        return x - 1 if node.attrs["axis"] > x else x
    if node.op in ("heads", "merge_heads"):
        return x if x == -2 else False
    return _at_positions(node, own)


def _pointwise(node: Node, own: Sequence[Place]) -> Place | bool:
    found = {place for place in own if place is not None}
    if len(found) != 1:
        return False
    (place,) = found
    for operand, mine in zip(node.operands, own):
        wide = mine is None and operand.tensor.rank >= -place and operand.shape[place] != 1
        if wide:
            return False
    return place


def _at_positions(node: Node, own: Sequence[Place]) -> Place | bool:
    """`attention` and `rope`, where they are told what stands where."""
    slots = dict(zip(node.attrs.get("slots", ()), own))
    if node.op == "rope" and slots.get("position") == -1 and slots["x"] == -2:
        return -2
    told = slots.get("q_position") == slots.get("k_position") == -1 and slots.get("mask") is not None
    if node.op == "attention" and told and all(slots[name] == -2 for name in "qkv") and slots["mask"] == -1:
        return -2
    return False
