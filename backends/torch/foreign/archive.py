"""Whether a torch.export archive can be read without running what is written in it.

`torch.export.load` unpickles whatever it finds, evaluates the expressions of sizes as Python, and calls any function below
`torch` that a node names. An archive is refused here if it holds more than `torch.export.save` writes for a plain model: tensors
as bytes, calls of torch's own ops, sizes that are arithmetic, and example inputs that are tensors.
"""

from __future__ import annotations

import ast
import io
import json
import re
import zipfile
from collections.abc import Iterator
from typing import Any

import torch

FILES = re.compile(
    r"data/weights/(weight_\d+|model_weights_config\.json)|data/constants/(tensor_\d+|model_constants_config\.json)"
    r"|data/sample_inputs/model\.pt|models/model\.json|archive_format|archive_version|byteorder|\.data/\w+"
)
PYTHON = "abs|add|and_|eq|floordiv|ge|getitem|gt|invert|le|lshift|lt|mod|mul|ne|neg|not_|or_|pos|pow|rshift|sub|truediv|xor"
FLOW = "cond|map_impl|scan|while_loop|associative_scan|invoke_subgraph|wrap_with_set_grad_enabled|wrap_with_autocast"
TARGETS = re.compile(
    rf"torch\.ops\.(aten|prims|quantized_decomposed|torchvision)(\.[A-Za-z_]\w*)+|torch\.ops\.higher_order\.({FLOW})"
    rf"|_operator\.({PYTHON})"
    r"|math\.(ceil|floor|trunc|sqrt|pow)|torch\.sym_\w+|torch\._sym_\w+"
)
"""Operators on tensors, control flow, and arithmetic on sizes."""
PRIVATE = re.compile(r"torch\.ops\..*__|torch\.ops\.aten\.from_file\b")
"""Attributes of Python's, and the operator that opens files."""
SYMPY = re.compile(
    "Symbol|Integer|Float|Rational|Add|Mul|Pow|Max|Min|Mod|FloorDiv|ModularIndexing|CleanDiv|CeilDiv|IntTrueDiv|FloatTrueDiv"
    "|PythonMod|TruncToInt|TruncToFloat|RoundToInt|RoundDecimal|ToFloat|FloorToInt|CeilToInt|FloatPow|PowByNatural|LShift|RShift"
    "|BitwiseFn_bitwise_(and|or|xor)|OpaqueUnaryFn_[a-z0-9]+|IsNonOverlappingAndDenseIndicator|Identity|Where|Abs|Eq|Ne"
    "|Equality|Unequality|GreaterThan|LessThan|StrictGreaterThan|StrictLessThan|And|Or|Not"
)
OPERATORS = (ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.operator, ast.unaryop, ast.boolop, ast.cmpop)
WORD = re.compile(r"[\w.+-]{0,64}")
NAME = re.compile(r"[\w.]*")
CONTAINERS = ("builtins.tuple", "builtins.list", "builtins.dict", None)


class Unsafe(ValueError):
    """An archive holds something that reading it could run."""


def check_archive(path: str) -> None:
    """`Unsafe` with the first thing that reading this archive could run; other errors where it is no archive."""
    from torch.export.pt2_archive import PT2ArchiveReader

    # The format of torch 2.7 and before is told by this entry, and is pickled.
    if "version" in zipfile.ZipFile(path).namelist():
        raise Unsafe("it is of an older format, which is unpickled")
    # What torch will see, by torch's own reader.
    with PT2ArchiveReader(path) as archive:
        for name in archive.get_file_names():
            if not FILES.fullmatch(name):
                raise Unsafe(f"it holds `{name}`, which is code or pickled")
        for config in ("data/weights/model_weights_config.json", "data/constants/model_constants_config.json"):
            _check_payloads(json.loads(archive.read_bytes(config)))
        for item in _inside(json.loads(archive.read_bytes("models/model.json"))):
            _check_item(item)
        _check_samples(archive.read_bytes("data/sample_inputs/model.pt"))


def _check_payloads(config: Any) -> None:
    for name, payload in config["config"].items():
        if payload.get("use_pickle") is not False:
            raise Unsafe(f"the tensor `{name}` is pickled")


def _check_samples(data: bytes) -> None:
    """Torch tries these as plain tensors, and if that fails, as any pickle."""
    if not data:
        return
    try:
        torch.load(io.BytesIO(data), weights_only=True)
    except Exception as error:  # what it raises depends on the bytes
        raise Unsafe("its example inputs are not plain tensors, and are unpickled") from error


def _inside(value: Any) -> Iterator[dict[str, Any]]:
    """Every object in a JSON value."""
    stack = [value]
    while stack:
        here = stack.pop()
        if isinstance(here, dict):
            yield here
            stack += here.values()
        elif isinstance(here, list):
            stack += here


def _check_item(item: dict[str, Any]) -> None:
    for key, value in item.items():
        if key == "target" and isinstance(value, str) and (not TARGETS.fullmatch(value) or PRIVATE.match(value)):
            raise Unsafe(f"it calls `{value}`, which is no operator on tensors")
        if key == "expr_str" and not is_arithmetic(str(value)):
            raise Unsafe(f"a size in it is not arithmetic: `{str(value)[:80]}`")
        if (key == "name" or key.endswith("_name")) and isinstance(value, str) and not NAME.fullmatch(value):
            raise Unsafe(f"it has a name that is none: `{value[:80]}`")
        if key == "treespec_namedtuple_fields" and value:
            raise Unsafe("its arguments are nested in named tuples")
        if key in ("in_spec", "out_spec") and isinstance(value, str):
            _check_spec(value)


def _check_spec(text: str) -> None:
    """How arguments are nested: torch writes the names of keywords into code, and imports what makes other containers."""
    for node in _inside(json.loads(text)):
        keys = json.loads(node.get("context") or "null") or []
        if node.get("type") not in CONTAINERS or not all(isinstance(key, str) and key.isidentifier() for key in keys):
            raise Unsafe(f"its arguments are nested in `{node.get('type')}`")


def is_arithmetic(text: str) -> bool:
    """Whether an expression of a size computes with numbers and symbols only: sympy evaluates it as Python."""
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return all(map(_is_part, ast.walk(tree)))


def _is_part(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and bool(SYMPY.fullmatch(node.func.id))
    if isinstance(node, ast.Constant):
        return isinstance(node.value, (int, float)) or (isinstance(node.value, str) and bool(WORD.fullmatch(node.value)))
    return isinstance(node, (*OPERATORS, ast.Expression, ast.Name, ast.Load, ast.keyword))
