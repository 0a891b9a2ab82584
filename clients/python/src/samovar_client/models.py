"""Which models there are, where each is in its life, and what can be done about that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .call import Call, Group, TransportT, as_json, as_list, endpoint, named

LOAD_MAX_S = 900.0


@dataclass(frozen=True)
class LoadFailure:
    """Why a load failed."""

    code: str
    cure: str
    attempts: int
    retry_after_s: int


@dataclass(frozen=True)
class WarmUp:
    """What a warm-up took."""

    took_ms: float
    runs: int
    first_run_ms: float
    settled_run_ms: float


@dataclass(frozen=True)
class Generation:
    """A loaded copy of a model."""

    generation: int
    family: str
    engine: str
    engine_version: str
    precision: str
    slots: int
    threads: int
    memory_bytes: int
    peak_bytes: int
    load_ms: float
    warm_up: WarmUp
    version: int | None = None
    precision_error: float | None = None


@dataclass(frozen=True)
class Work:
    """What a model has done since the server began."""

    runs: int
    rows: int
    queue_ms: float
    inference_ms: float
    busy_s: float
    inference_p50_ms: float | None = None
    inference_p99_ms: float | None = None


@dataclass(frozen=True)
class Model:
    """A configured model."""

    id: str
    state: str
    """`absent`, `loading`, `warming`, `ready`, `draining` or `failed`."""
    preload: bool
    required: bool
    holds: int
    work: Work
    serving: Generation | None = None
    failure: LoadFailure | None = None
    reload_failure: LoadFailure | None = None
    adapter: str | None = None
    """The adapter that is folded into it, by name."""

    @property
    def is_ready(self) -> bool:
        """Whether it answers at once."""
        return self.state == "ready"


@dataclass(frozen=True)
class WarmedModel(Model):
    """A model after it was asked to be warm."""

    outcome: str = "ran"
    """`ran`, or `skipped` where it was warm."""


class Models(Group[TransportT]):
    """`/v1/models`."""

    @endpoint
    def list(self) -> Call[tuple[Model, ...]]:
        """All configured models."""
        return Call("GET", "/v1/models", as_list(Model))

    @endpoint
    def get(self, name: str) -> Call[Model]:
        """One model."""
        return Call("GET", named("models", name), as_json(Model))

    @endpoint
    def load(self, name: str) -> Call[Model]:
        """Loads and warms it, unless it is. Answers when it is ready."""
        return _act(name, "load", Model)

    @endpoint
    def unload(self, name: str) -> Call[Model]:
        """Finishes accepted work and frees it."""
        return _act(name, "unload", Model)

    @endpoint
    def reload(self, name: str, version: int | str | None = None) -> Call[Model]:
        """Loads a new copy beside the one that serves, then switches. `version`: a number, or `"latest"`."""
        return _act(name, "reload", Model, {"version": version} if version is not None else {})

    @endpoint
    def warm_up(self, name: str, force: bool = False) -> Call[WarmedModel]:
        """Sees to it that it is warm; with `force` it is warmed again."""
        return _act(name, "warm-up", WarmedModel, {"force": force})

    @endpoint
    def clear(self) -> Call[tuple[Model, ...]]:
        """Frees every model. The next use of one loads it again."""
        return Call("POST", "/v1/models/clear", as_list(Model), repeatable=True, timeout_s=LOAD_MAX_S)


def _act(name: str, what: str, kind: Any, body: dict[str, Any] | None = None) -> Call[Any]:
    return Call(
        "POST", named("models", name, what), as_json(kind), json=body, repeatable=what != "reload", timeout_s=LOAD_MAX_S
    )
