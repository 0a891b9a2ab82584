"""A request as a value, and what turns it into a method of the sync and of the async client.

What is asked and how the answer is read is written once, as a function that returns a `Call`. `@endpoint` makes of it a method that
gives the answer on the sync client and an awaitable of it on the async one; type checkers see both.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Concatenate, Generic, ParamSpec, TypeVar, overload
from urllib.parse import quote

from .decode import decode
from .transport import AsyncTransport, Received, SyncTransport

T = TypeVar("T")
P = ParamSpec("P")
TransportT = TypeVar("TransportT", SyncTransport, AsyncTransport)


@dataclass(frozen=True)
class Call(Generic[T]):
    """One request and how its answer is read."""

    method: str
    path: str
    read: Callable[[Received], T]
    query: Mapping[str, Any] = field(default_factory=dict)
    """`None` is left out, a list is joined by commas."""
    json: Any = None
    body: bytes | Callable[[], BinaryIO] | None = None
    """Bytes, or what opens a file anew for each attempt."""
    headers: Mapping[str, str] = field(default_factory=dict)
    repeatable: bool | None = None
    """Whether it may be sent again when nobody knows whether it arrived. By default only what changes nothing."""
    timeout_s: float | None = None
    """In place of the client's own limit; for what takes long by its nature."""
    save_to: Path | None = None
    """The answer goes into this file."""


class Group(Generic[TransportT]):
    """Endpoints that belong together."""

    def __init__(self, transport: TransportT) -> None:
        self._transport: TransportT = transport


class endpoint(Generic[P, T]):  # noqa: N801 (a decorator)
    """Makes a method of each client of a function that returns a `Call`."""

    def __init__(self, ask: Callable[Concatenate[Any, P], Call[T]]) -> None:
        self._ask = ask
        self.__doc__ = ask.__doc__

    @overload
    def __get__(self, group: Group[SyncTransport], owner: Any = None) -> Callable[P, T]: ...

    @overload
    def __get__(self, group: Group[AsyncTransport], owner: Any = None) -> Callable[P, Awaitable[T]]: ...

    @overload
    def __get__(self, group: None, owner: Any = None) -> endpoint[P, T]: ...

    def __get__(self, group: Any, owner: Any = None) -> Any:
        if group is None:
            return self

        @functools.wraps(self._ask)
        def method(*arguments: P.args, **options: P.kwargs) -> Any:
            return group._transport.run(self._ask(group, *arguments, **options))

        return method


def as_json(kind: type[T]) -> Callable[[Received], T]:
    """Reads an answer as an object of that kind."""
    return lambda answer: decode(kind, answer.json())


def as_list(kind: type[T]) -> Callable[[Received], tuple[T, ...]]:
    """Reads an answer as a list `{"data": […]}` of objects of that kind."""
    return lambda answer: tuple(decode(kind, one) for one in decode(_List, answer.json()).data)


@dataclass(frozen=True)
class _List:
    data: tuple[Any, ...]


def named(*parts: str) -> str:
    """A path of the API; what is named in it may have any characters."""
    return "/v1/" + "/".join(quote(part, safe="") for part in parts)


def as_bytes(answer: Received) -> bytes:
    """The answer as it came."""
    return answer.content


def nothing(_: Received) -> None:
    """The answer says no more than that it is done."""
