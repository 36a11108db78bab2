"""From the tables of a TOML file to the frozen classes of a target, by their fields: cattrs asks a hook for each type."""

from __future__ import annotations

import collections.abc
import types
from collections.abc import Callable
from typing import Any, Literal, Union, cast, get_args, get_origin

import attrs
import cattrs

from .target import Level
from .target_values import NOT_IN_FILES, POSITIVE, STAND_INS, Items, Reading, Table, dotted, keys_of, listed


def converter(reading: Reading) -> cattrs.Converter:
    """What makes a `Target` of the wrapped tables of a file."""
    made = cattrs.Converter(detailed_validation=False)
    for kind in STAND_INS:
        made.register_structure_hook(kind, reading.leaf)
    made.register_structure_hook_func(_is_literal, reading.choice)
    made.register_structure_hook_factory(_is_optional, lambda kind: _optional(kind, made))
    made.register_structure_hook_factory(_is_sequence, lambda kind: _sequence(kind, made, reading))
    made.register_structure_hook_factory(_is_mapping, lambda kind: _mapping(kind, made, reading))
    made.register_structure_hook_factory(attrs.has, lambda kind: _attrs_hook(kind, made, reading))
    return made


def _is_literal(kind: Any) -> bool:
    return get_origin(kind) is Literal


def _is_optional(kind: Any) -> bool:
    return (get_origin(kind) is Union or get_origin(kind) is types.UnionType) and type(None) in get_args(kind)


def _is_sequence(kind: Any) -> bool:
    return get_origin(kind) is tuple and get_args(kind)[-1] is Ellipsis


def _is_mapping(kind: Any) -> bool:
    return get_origin(kind) is collections.abc.Mapping


def _mapping(kind: Any, made: cattrs.Converter, reading: Reading) -> Callable[[Any, Any], Any]:
    one = get_args(kind)[1]

    def mapping(value: Any, _: Any) -> Any:
        if not isinstance(value, Table):
            reading.wrong("CC1204", f"`{dotted(value.path)}` is a table", value.path, "no table")
            return {}
        return {key: made.structure(each, one) for key, each in value.items()}

    return mapping


def _optional(kind: Any, made: cattrs.Converter) -> Callable[[Any, Any], Any]:
    (one,) = [each for each in get_args(kind) if each is not type(None)]
    return lambda value, _: made.structure(value, one)


def _sequence(kind: Any, made: cattrs.Converter, reading: Reading) -> Callable[[Any, Any], Any]:
    one = get_args(kind)[0]

    def levels(value: Any, _: Any) -> Any:
        """The tables in `[memory]`, near to far as they stand, each with its name."""
        if not isinstance(value, Table):
            hint = "write `[memory.dram]`"
            reading.wrong("CC1204", f"`{dotted(value.path)}` is a table of tables", value.path, "no table", hint)
            return ()
        return tuple(made.structure(each, one) for each in value.values())

    def items(value: Any, _: Any) -> Any:
        if not isinstance(value, Items):
            hint = f"write `[[{dotted(value.path)}]]`" if attrs.has(one) else "write it as `[…, …]`"
            reading.wrong("CC1204", f"`{dotted(value.path)}` is an array", value.path, "no array", hint)
            return ()
        return tuple(made.structure(each, one) for each in value)

    return levels if one is Level else items


def _attrs_hook(kind: Any, made: cattrs.Converter, reading: Reading) -> Callable[[Any, Any], Any]:
    """Structures a class from its table; quantities by the units of their fields."""
    attrs.resolve_types(kind)
    fields = {field.name: field for field in attrs.fields(kind)}

    def one(field: attrs.Attribute[Any], value: Any) -> Any:
        unit = field.metadata.get("unit")
        if unit is None:
            return made.structure(value, cast(Any, field.type))
        if _is_mapping(field.type):
            return reading.mapping(value, unit)
        return reading.number(value, unit, positive=unit in POSITIVE and field.default is attrs.NOTHING)

    def structure(table: Any, _: Any) -> Any:
        if not isinstance(table, Table):
            hint = f"its keys are {listed(keys_of(kind))}"
            reading.wrong("CC1204", f"`{dotted(table.path)}` is a table", table.path, "no table", hint)
            return stand_in(kind)
        given = {name: one(fields[name], value) for name, value in reading.fields(table, kind).items()}
        if "name" in NOT_IN_FILES.get(kind, ()):
            given["name"] = table.path[-1] if table.path else reading.name
        left = {name: field for name, field in fields.items() if name not in given and field.default is attrs.NOTHING}
        return kind(**given, **{name: stand_in(field.type) for name, field in left.items()})

    return structure


def stand_in(kind: Any) -> Any:
    """A value of a type that stands where the file says none."""
    if attrs.has(kind):
        attrs.resolve_types(kind)
        return kind(**{field.name: stand_in(field.type) for field in attrs.fields(kind) if field.default is attrs.NOTHING})
    if get_origin(kind) is Literal:
        return ""
    return {tuple: (), collections.abc.Mapping: {}}.get(get_origin(kind), STAND_INS.get(kind))
