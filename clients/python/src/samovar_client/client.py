"""The two clients: everything that a server offers here, blocking or awaited."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from .call import Call, Group, TransportT, as_json, endpoint
from .events import AsyncFeeds, SyncFeeds
from .health import HealthOf
from .jobs import AsyncJobs, SyncJobs
from .models import Models
from .pictures import Picture, encode
from .retry import RETRY, Retry
from .speech import Recording, Transcript, recorded
from .still import Faces, Found, Seen
from .streams_async import AsyncStreams
from .streams_sync import SyncStreams
from .text import Ranking, Similarities
from .transport import AsyncTransport, Settings, SyncTransport

HEAR_MAX_S = 900.0
DEFAULT_URL = "http://127.0.0.1:8080"


class _Requests(Group[TransportT]):
    """What is asked once and answered once."""

    @endpoint
    def detect(
        self,
        picture: Picture,
        *,
        model: str | None = None,
        score_min: float | None = None,
        iou_max: float | None = None,
        classes: Sequence[str] | None = None,
        detections_max: int | None = None,
        timeout_ms: int | None = None,
    ) -> Call[Found]:
        """Objects in one picture."""
        query = {
            "model": model, "score_min": score_min, "iou_max": iou_max, "detections_max": detections_max,
            "classes": list(classes) if classes is not None else None, "timeout_ms": timeout_ms,
        }  # fmt: skip
        return Call("POST", "/v1/detect", as_json(Found), query, body=encode(picture), repeatable=True)

    @endpoint
    def segment(
        self,
        picture: Picture,
        *,
        mode: str | None = None,
        model: str | None = None,
        mask: str | None = None,
        map: str | None = None,
    ) -> Call[Seen]:
        """The class of every pixel of one picture."""
        query = {"mode": mode, "model": model, "mask": mask, "map": map}
        return Call("POST", "/v1/segment", as_json(Seen), query, body=encode(picture), repeatable=True)

    @endpoint
    def faces(
        self,
        picture: Picture,
        *,
        model: str | None = None,
        score_min: float | None = None,
        faces_max: int | None = None,
        embeddings: bool = False,
        crops: bool = False,
    ) -> Call[Faces]:
        """Faces in one picture, with five landmarks each; with `embeddings` who they are, with `crops` each upright."""
        query = {
            "model": model, "score_min": score_min, "faces_max": faces_max,
            "embeddings": embeddings or None, "crops": crops or None,
        }  # fmt: skip
        return Call("POST", "/v1/faces", as_json(Faces), query, body=encode(picture), repeatable=True)

    @endpoint
    def transcribe(
        self,
        recording: Recording,
        *,
        model: str | None = None,
        language: str | None = None,
        translate: bool = False,
        words: bool = False,
        vad: bool = False,
        beams: int | None = None,
        hotwords: Sequence[str] = (),
        prompt: str | None = None,
        timeout_ms: int | None = None,
    ) -> Call[Transcript]:
        """What is said in a recording. With `words` it is told where each sounds, with `vad` only what is speech is heard."""
        query = {
            "model": model, "language": language, "translate": translate or None, "words": words or None, "vad": vad or None,
            "beams": beams, "hotwords": list(hotwords) or None, "prompt": prompt, "timeout_ms": timeout_ms,
        }  # fmt: skip
        body = recorded(recording)
        return Call("POST", "/asr/transcribe", as_json(Transcript), query, body=body, repeatable=True, timeout_s=HEAR_MAX_S)

    @endpoint
    def rerank(
        self, query: str, documents: Sequence[str], *, model: str | None = None, top_n: int | None = None
    ) -> Call[Ranking]:
        """Documents by how well they answer, the best first."""
        body = {"query": query, "documents": list(documents), "model": model, "top_n": top_n}
        return Call("POST", "/v1/rerank", as_json(Ranking), json=_given(body), repeatable=True)

    @endpoint
    def similarity(
        self, left: Sequence[str], right: Sequence[str] = (), *, model: str | None = None, scoring: str = "cosine"
    ) -> Call[Similarities]:
        """How alike texts are: a row for each of `left`, a column for each of `right`, or of `left` again."""
        body = {"left": list(left), "right": list(right) or None, "model": model, "scoring": scoring}
        return Call("POST", "/v1/similarity", as_json(Similarities), json=_given(body), repeatable=True)


class Samovar(_Requests[SyncTransport]):
    """A server, for blocking calls; threads may share it. Closed by `close` or `with`.

    `api_key` goes as `Authorization: Bearer`; by default that of the environment's `SAMOVAR_API_KEY`. `timeout_s` is for each step of a
    request: to connect, to send on, to hear on. `retry` says when what the server refused for now is tried again.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        *,
        api_key: str | None = None,
        timeout_s: float = 60.0,
        retry: Retry = RETRY,
    ) -> None:
        transport = SyncTransport(_settings(url, api_key, timeout_s, retry))
        super().__init__(transport)
        self.health = HealthOf(transport)
        self.models = Models(transport)
        self.jobs = SyncJobs(transport)
        self.streams = SyncStreams(transport)
        self.events = SyncFeeds(transport)

    def __enter__(self) -> Samovar:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends its connections. Open live streams have connections of their own."""
        self._transport.close()


class AsyncSamovar(_Requests[AsyncTransport]):
    """The same, awaited. It belongs to one event loop. Closed by `close` or `async with`."""

    def __init__(
        self,
        url: str = DEFAULT_URL,
        *,
        api_key: str | None = None,
        timeout_s: float = 60.0,
        retry: Retry = RETRY,
    ) -> None:
        transport = AsyncTransport(_settings(url, api_key, timeout_s, retry))
        super().__init__(transport)
        self.health = HealthOf(transport)
        self.models = Models(transport)
        self.jobs = AsyncJobs(transport)
        self.streams = AsyncStreams(transport)
        self.events = AsyncFeeds(transport)

    async def __aenter__(self) -> AsyncSamovar:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends its connections. Open live streams have connections of their own."""
        await self._transport.close()


def _settings(url: str, api_key: str | None, timeout_s: float, retry: Retry) -> Settings:
    if not url.startswith(("http://", "https://")):
        raise ValueError("the address begins with http:// or https://")
    key = api_key if api_key is not None else os.environ.get("SAMOVAR_API_KEY")
    return Settings(url.rstrip("/"), key or None, timeout_s, retry)


def _given(body: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in body.items() if value is not None}
