"""Whether the server lives, is ready, and how it is doing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .call import Call, Group, TransportT, as_json, endpoint


@dataclass(frozen=True)
class ModelHealth:
    """One model at a glance."""

    name: str
    state: str


@dataclass(frozen=True)
class Health:
    """Everything at a glance."""

    status: str
    """`ready`, `not_ready` or `draining`."""
    version: str
    slots: int
    waiting: Mapping[str, int]
    """Work that waits, by class: `live`, `interactive`, `job`."""
    streams: int
    resident_bytes: int
    models: tuple[ModelHealth, ...]


class HealthOf(Group[TransportT]):
    """`/health`."""

    @endpoint
    def get(self) -> Call[Health]:
        """Everything at a glance."""
        return Call("GET", "/health", as_json(Health))

    @endpoint
    def live(self) -> Call[bool]:
        """Whether the process lives; anything else is an error."""
        return Call("GET", "/health/live", lambda answer: answer.json()["status"] == "live")

    @endpoint
    def ready(self) -> Call[bool]:
        """Whether all models that it must have are ready. Waits as `Retry` says; `Unavailable` tells that it is not."""
        return Call("GET", "/health/ready", lambda answer: answer.json()["status"] == "ready")
