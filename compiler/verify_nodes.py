"""What must hold of one node: operands, attributes and type fit each other."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from .dims import Dim, Size, substitute
from .ir import OUTLINED, PART, WORDS, Attrs, Graph, Node, streams_of
from .kernels import kernel_problem
from .ops import OPS, Arg, ShapeError, infer, normalise
from .selection import FIELDS
from .types import DTYPES, BundleType, RecordType, SelectionType, TensorType, Type
from .verify_cached import cached_problems
from .verify_select import select_problems

Check = Callable[[Any], bool]

FLAGS: dict[str, type] = {"single": bool, "zipped": bool}
FUSES = ("sum", "mean", "concat", "stack")
ATTRIBUTES: dict[str, dict[str, type | tuple[type, ...]]] = {
    "input": {"name": str},
    "param": {"path": str, "up": int},
    "state": {"path": str, "up": int},
    "const": {"value": (bool, int, float)},
    "apply": {"chunk": str, "up": int, "members": tuple, "call": str, "body": (Graph, type(None)), **FLAGS},
    "fuse": {"kind": str, "by": bool},
    "field": {"name": str},
}
"""Attributes of the structural words but `select`; a node may carry more, for those who put them there."""


def is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def is_size(value: object) -> bool:
    return is_int(value) or isinstance(value, Dim)


def _each(check: Check) -> Check:
    return lambda value: isinstance(value, tuple) and all(check(item) for item in value)


KINDS: dict[str, Check] = {
    "int": is_int,
    "float": lambda value: is_int(value) or isinstance(value, float),
    "bool": lambda value: isinstance(value, bool),
    "string": lambda value: isinstance(value, str),
    "dtype": lambda value: value in DTYPES,
    "size": is_size,
    "sizes": _each(is_size),
    "axis": lambda value: is_int(value) and value < 0,
    "axes": _each(lambda value: is_int(value) and value < 0),
    "order": _each(lambda value: is_int(value) and value < 0),
    "pair": _each(is_int),
    "names": _each(lambda value: isinstance(value, str)),
    "strings": _each(lambda value: isinstance(value, str)),
}


NAME = re.compile(r"[\w.@%^-]*")
"""What a name or path may be: backends write it into source text, so nothing that ends a string."""
NAMED = ("name", "path", "also", "chunk", "chunks", "call", "members", "levels")
"""Attributes that hold names."""


def node_problems(node: Node) -> Iterator[str]:
    """What is wrong with a node, in words; later checks stand on earlier ones."""
    odd = next((name for key in NAMED for name in _names(node.attrs.get(key)) if not NAME.fullmatch(name)), None)
    if odd is not None:
        yield no_name(odd)
    elif node.op in OPS:
        yield from _op_problems(node)
    elif node.op == "select":
        yield from select_problems(node)
    elif node.op not in ATTRIBUTES:
        yield f"`{node.op}` is no op"
    else:
        wrong = list(_attribute_problems(node))
        yield from wrong or STRUCTURAL[node.op](node)


# ---- ops of the table


def op_type(name: str, types: Sequence[Type], attrs: Attrs) -> TensorType:
    """The type of an op's result, as `ops.infer`; operands and attributes may be anything, `ShapeError` if they do not fit."""
    op, tensors = OPS[name], [kind for kind in types if isinstance(kind, TensorType)]
    if len(tensors) < len(types):
        raise ShapeError(f"`{name}` takes tensors, not {next(kind for kind in types if not isinstance(kind, TensorType))}")
    args = {arg.name: arg for arg in op.args if arg.form != "surface" and arg.kind not in ("value", "values", "param")}
    expected = {*args, "slots"} if op.slots else set(args)
    if set(attrs) != expected:
        raise ShapeError(f"`{name}` has the attributes {sorted(attrs)}, and should have {sorted(expected)}")
    for key, value in attrs.items():
        if not (KINDS["names"](value) if key == "slots" else _fits(args[key], value)):
            kind = "list of names" if key == "slots" else args[key].kind
            raise ShapeError(f"`{name}`: `{key} = {value!r}` is no {kind}")
    for key, normal in normalise(name, tensors, attrs).items():  # before `infer`, for it checks that axes exist
        if normal != attrs[key]:
            raise ShapeError(f"`{name}`: `{key} = {attrs[key]!r}` stands in core form as {normal!r}")
    return infer(name, tensors, attrs)


def _op_problems(node: Node) -> Iterator[str]:
    try:
        result = op_type(node.op, [operand.type for operand in node.operands], node.attrs)
    except ShapeError as error:
        yield str(error)
    else:
        if result != node.type:
            yield f"`{node.op}` gives `{result}`, and not `{node.type}`"


def no_name(text: str) -> str:
    """What is wrong with a text that should be a name."""
    return f"{text!r} is no name: letters, digits, and `_ . @ % ^ -` only"


def _names(value: object) -> Iterator[str]:
    yield from (one for one in (value if isinstance(value, tuple) else (value,)) if isinstance(one, str))


def _fits(arg: Arg, value: object) -> bool:
    return (value is None and arg.default is None and not arg.required) or KINDS[arg.kind](value)


# ---- structural words


def _attribute_problems(node: Node) -> Iterator[str]:
    for name, kind in ATTRIBUTES[node.op].items():
        if name not in node.attrs:
            yield f"`{node.op}` needs the attribute `{name}`"
        elif not isinstance(node.attrs[name], kind) or (kind is int and not is_int(node.attrs[name])):
            yield f"`{node.op}`: `{name} = {node.attrs[name]!r}` is no such value"
    if node.op in ("param", "state", "apply") and is_int(node.attrs.get("up")) and node.attrs["up"] < 0:
        yield f"`{node.op}`: `up` is less than 0"


def _source(node: Node) -> Iterator[str]:
    """`input`, `param`, `state`."""
    if node.operands:
        yield f"`{node.op}` takes no operands"
    if not isinstance(node.type, TensorType):
        yield f"`{node.op}` is a tensor, and not `{node.type}`"
    elif node.op != "input" and any(not is_int(size) for size in node.type.shape):
        yield f"the shape of a parameter is known when it is made, and `{node.type}` is not"


def _const(node: Node) -> Iterator[str]:
    yield from _source(node) if node.operands else ()
    kind, value = node.type, node.attrs["value"]
    if not isinstance(kind, TensorType) or kind.shape:
        yield f"`const` is a scalar, and not `{node.type}`"
        return
    wanted = bool if kind.dtype == "bool" else float if kind.is_float else int
    if type(value) is not wanted:
        yield f"`const` of {kind.dtype} is a {wanted.__name__}, and not {value!r}"
    elif wanted is int and not -(2**63) <= value < 2**63:
        yield f"`const` {value} is no {kind.dtype}"


def _field(node: Node) -> Iterator[str]:
    if len(node.operands) != 1:
        yield f"`field` takes one operand, not {len(node.operands)}"
        return
    expected = field_type(node.operands[0].type, str(node.attrs["name"]), node.operands[0])
    if expected is None:
        yield f"`{node.operands[0].type}` has no field `{node.attrs['name']}`"
    elif expected != node.type:
        yield f"the field `{node.attrs['name']}` is `{expected}`, and not `{node.type}`"


def field_type(source: Type, name: str, node: Node) -> Type | None:
    """The type of a field: of a selection, a record, every stream of a bundle of records, or one stream of a bundle."""
    match source:
        case SelectionType(kept, weight):
            types = {"kept": kept, "first": kept, "load": weight.with_shape(*weight.shape[-1:])}
            return types.get(name, _score_type(node) if name == "score" else weight) if name in FIELDS else None
        case RecordType(fields):
            return dict(fields).get(name)
        case BundleType(count, element):
            if name in node.attrs.get("members", ()) or (name.isdecimal() and int(name) < count):
                return element
            inner = field_type(element, name, node) if isinstance(element, RecordType) else None
            return BundleType(count, inner) if inner else None
    return None


def _score_type(select: Node) -> Type:
    score = select.slot("score") if select.op == "select" else None
    return score.type if score else select.type


def _fuse(node: Node) -> Iterator[str]:
    if node.attrs["kind"] not in FUSES:
        yield f"`{node.attrs['kind']}` is no fuse: they are {', '.join(FUSES)}"
        return
    streams, by = streams_of(node) if node.operands else ((), None)
    kinds: list[Type] = []
    for stream in streams:
        kinds += [stream.type.element] * stream.type.count if isinstance(stream.type, BundleType) else [stream.type]
    first = kinds[0] if kinds else None
    if not isinstance(first, TensorType) or any(kind != first for kind in kinds):
        yield f"a fuse takes tensors of one type, not {', '.join(map(str, dict.fromkeys(kinds))) or 'nothing'}"
        return
    if not first.is_float:
        yield f"a fuse takes floats, not {first}"
    yield from kernel_problem(node)
    if by is not None:
        yield from _by_problems(by, first, len(kinds))
    yield from _hint_problems(node.attrs, len(kinds))
    expected = _fused(node.attrs["kind"], first, len(kinds))
    if expected != node.type:
        yield f"`fuse {node.attrs['kind']}` gives `{expected}`, and not `{node.type}`"


def _hint_problems(attrs: Attrs, ways: int) -> Iterator[str]:
    """What a profile told of a fuse: ways that exist, each once, and a share."""
    for name in ("cold", "hot"):
        if not _are_ways(attrs.get(name, ()), ways):
            yield f"`{name} = {attrs[name]!r}` lists no ways of a fuse of {ways}"
    paths = attrs.get("paths", ())
    if not isinstance(paths, tuple) or not all(_are_ways(path, ways) for path in paths):
        yield f"`paths = {paths!r}` lists no sets of ways of a fuse of {ways}"
    capacity = attrs.get("capacity", 1.0)
    if not isinstance(capacity, float) or not 0 <= capacity <= 1:
        yield f"`capacity = {capacity!r}` is no share from 0.0 to 1.0"


def _are_ways(value: object, ways: int) -> bool:
    return _each(lambda way: is_int(way) and 0 <= way < ways)(value) and len(set(value)) == len(value)  # type: ignore[call-overload, arg-type]


def _by_problems(by: Node, stream: TensorType, ways: int) -> Iterator[str]:
    if by.op != "select" or not isinstance(by.type, SelectionType):
        yield f"a fuse is by a `select`, not by `{by.op}`"
        return
    *decisions, last = by.type.kept.shape
    if last != ways:
        yield f"the selection has {last} ways, and the fuse {ways} streams"
    if tuple(decisions) != stream.shape[: len(decisions)]:
        yield f"the selection decides for {decisions}, which is no prefix of the streams' `{stream}`"


def _fused(kind: str, stream: TensorType, ways: int) -> TensorType | None:
    if kind in ("sum", "mean"):
        return stream
    if not stream.shape:
        return None
    *front, last = stream.shape
    return stream.with_shape(*front, last * ways) if kind == "concat" else stream.with_shape(*front, ways, last)


def _apply(node: Node) -> Iterator[str]:
    attrs, body = node.attrs, node.attrs["body"]
    members = attrs["members"]
    yield from kernel_problem(node)
    if attrs.get("word") is not None:
        yield from _word_problems(node, attrs["word"], body)
    if not members or not all(isinstance(member, str) for member in members) or len(set(members)) < len(members):
        yield f"`apply {attrs['chunk']}` needs members, each a name of its own"
        return
    element = node.type
    if attrs["single"] != (not isinstance(node.type, BundleType)):
        yield f"`apply {attrs['chunk']}`: `single = {attrs['single']}` does not fit `{node.type}`"
    elif isinstance(node.type, BundleType):
        element = node.type.element
    if len(members) != (node.type.count if isinstance(node.type, BundleType) else 1):
        yield f"`apply {attrs['chunk']}` has {len(members)} members, and gives `{node.type}`"
    given = [operand.type for operand in node.operands]
    if attrs["zipped"] and (len(given) != len(members) or any(kind != given[0] for kind in given)):
        yield f"`apply {attrs['chunk']}` zips {len(members)} members with {len(given)} values, which must be as many, of one type"
    elif body is not None:
        yield from _body_problems(node, body, given[:1] if attrs["zipped"] else given, element)


def _word_problems(node: Node, word: object, body: Graph | None) -> Iterator[str]:
    if word not in WORDS:
        yield f"`{word}` is no word for a call: they are {', '.join(WORDS)}"
    elif word in OUTLINED and (body is None or any(node.attrs.get(name) != value for name, value in PART.items())):
        yield f"a {word} part has a body, and neither chunk nor members"
    elif word == "hoisted" and node.operands:
        yield "what is hoisted takes no operands"
    elif word == "hoisted" and body is not None and (body.nexts or any(_draws(inner) for inner in body.nodes)):
        yield "what is hoisted is the same in every call: it has no draws and no next values"
    elif word == "cached" and body is not None:
        yield from cached_problems(node, body)


def _draws(node: Node) -> bool:
    return node.op in OPS and (OPS[node.op].random or OPS[node.op].outside)


def _body_problems(node: Node, body: Graph, given: list[Type], element: Type) -> Iterator[str]:
    """The operands are the body's inputs, its dimensions bound to theirs; the result is its output, or the record of them."""
    name, bound = node.attrs["chunk"], dict[str, Size]()
    if len(given) != len(body.inputs):
        yield f"`apply {name}` gives {len(given)} values to a body of {len(body.inputs)} inputs"
        return
    for kind, inner in zip(given, body.inputs):
        if not _binds(inner.type, kind, bound):
            yield f"`apply {name}` gives `{kind}` for the input `{inner.attrs.get('name')}`, which is `{inner.type}`"
            return
    types = [(label, _substituted(output.type, bound)) for label, output in body.outputs]
    fields = tuple((label, kind) for label, kind in types if isinstance(kind, TensorType))
    expected = fields[0][1] if len(fields) == 1 else RecordType(fields)
    if not fields or expected != element:
        yield f"`apply {name}` gives `{expected}`, and not `{element}`"


def _binds(inner: Type, outer: Type, bound: dict[str, Size]) -> bool:
    """Whether a value fits an input; bare symbols of the input are bound on the way."""
    if not isinstance(inner, TensorType) or not isinstance(outer, TensorType):
        return False
    if inner.dtype != outer.dtype or inner.rank != outer.rank:
        return False
    for size, given in zip(inner.shape, outer.shape):
        if isinstance(size, Dim) and not size.compound and isinstance(size.terms[0][0][0], str):
            bound.setdefault(size.terms[0][0][0], given)
    return all(substitute(size, bound) == given for size, given in zip(inner.shape, outer.shape))


def _substituted(kind: Type, bound: dict[str, Size]) -> Type:
    return kind.with_shape(*(substitute(size, bound) for size in kind.shape)) if isinstance(kind, TensorType) else kind


STRUCTURAL: dict[str, Callable[[Node], Iterator[str]]] = {
    "input": _source,
    "param": _source,
    "state": _source,
    "const": _const,
    "field": _field,
    "fuse": _fuse,
    "apply": _apply,
}
