"""From JSON to dataclasses. Fields that a newer server adds are left out; what is missing has its default."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar

from .errors import UnexpectedAnswer

T = TypeVar("T")


def decode(kind: type[T], value: Any) -> T:
    """`value`, parsed JSON, as a `kind`. Raises `UnexpectedAnswer` where it is none."""
    decoded: T = _decode(kind, value)
    return decoded


def wire_name(name: str) -> dict[str, str]:
    """Metadata of a field that is called otherwise on the wire."""
    return {"wire_name": name}


def _decode(kind: Any, value: Any) -> Any:
    if dataclasses.is_dataclass(kind):
        return _object(kind, value)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return _union(arguments, value)
    if origin is tuple:
        return _sequence(arguments, value)
    if origin in (dict, Mapping):
        return {str(name): _decode(arguments[1], one) for name, one in _mapping(value).items()}
    return _scalar(kind, value)


def _object(kind: Any, value: Any) -> Any:
    given, fields = _mapping(value), {}
    for field, hint, name, required in _fields(kind):
        if name in given:
            fields[field] = _decode(hint, given[name])
        elif required:
            raise UnexpectedAnswer(f"`{name}` is missing in {kind.__name__}")
    return kind(**fields)


@cache
def _fields(kind: Any) -> tuple[tuple[str, Any, str, bool], ...]:
    """Name, type, name on the wire and whether it must be there, of each field."""
    hints = typing.get_type_hints(kind)
    missing = dataclasses.MISSING
    return tuple(
        (
            field.name,
            hints[field.name],
            field.metadata.get("wire_name", field.name),
            field.default is missing and field.default_factory is missing,
        )
        for field in dataclasses.fields(kind)
    )


def _union(kinds: tuple[Any, ...], value: Any) -> Any:
    if value is None and type(None) in kinds:
        return None
    others = [kind for kind in kinds if kind is not type(None)]
    return _decode(others[0], value) if len(others) == 1 else value


def _sequence(kinds: tuple[Any, ...], value: Any) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise UnexpectedAnswer(f"a list was expected, not {type(value).__name__}")
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        return tuple(_decode(kinds[0], one) for one in value)
    if len(kinds) != len(value):
        raise UnexpectedAnswer(f"{len(kinds)} values were expected, not {len(value)}")
    return tuple(_decode(kind, one) for kind, one in zip(kinds, value))


def _scalar(kind: Any, value: Any) -> Any:
    if kind is Any or kind is object:
        return value
    if kind is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
        return value
    raise UnexpectedAnswer(f"{kind.__name__} was expected, not {type(value).__name__}")


def _mapping(value: Any) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    raise UnexpectedAnswer(f"an object was expected, not {type(value).__name__}")
