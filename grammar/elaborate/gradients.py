"""What training can reach: whether a value depends on a parameter that is trained."""

from __future__ import annotations

from ...compiler.ir import Node


def reads_parameters(root: Node) -> bool:
    """Whether a gradient flows from `root` to some trained parameter (not through decisions, nor `stop_gradient`)."""
    seen: set[Node] = set()
    stack = [root]
    while stack:
        node = stack.pop()
        if node in seen or node.op == "stop_gradient":
            continue
        seen.add(node)
        if node.op == "param" and not node.attrs["frozen"]:
            return True
        if node.op == "apply" and node.attrs["body"] is not None:
            return True
        stack.extend(node.operands)
    return False
