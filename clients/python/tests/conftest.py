"""A real server for the tests: the program that was built, with the models that ship."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from samovar_client import Samovar

REPOSITORY = Path(__file__).resolve().parents[3]
STARTER = REPOSITORY / "starter"
START_MAX_S = 120.0

CONFIG = """
[server]
default_model = "detect"
drain_delay_ms = 0
grace_ms = 5000
[plans]
folder = "plans"
background = false
[jobs]
folder = "jobs"
roots = ["."]
{jobs}
[models.detect]
path = "{starter}/models/starter-detect.onnx"
engine = "rten"
[models.pose]
path = "{starter}/models/starter-pose.onnx"
engine = "rten"
[models.sequence]
path = "{starter}/models/starter-stg-nf.onnx"
engine = "rten"
[anomaly]
pose = "pose"
sequence = "sequence"
[modes.segment]
fast = "segment-fast"
balanced = "segment-balanced"
[models.segment-fast]
path = "{starter}/models/starter-segment-fast.onnx"
engine = "rten"
preload = false
[models.segment-balanced]
path = "{starter}/models/starter-segment-balanced.onnx"
engine = "rten"
preload = false
[speech]
model = "whisper"
[models.whisper]
path = "{starter}/models/starter-whisper/onnx/encoder_model.onnx"
engine = "rten"
preload = false
{more}
"""


class Server:
    """A server as a process, on a port that it keeps over restarts."""

    def __init__(self, program: Path, folder: Path, *, jobs: str = "", more: str = "") -> None:
        self.program, self.folder = program, folder
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "samovar.toml").write_text(CONFIG.format(starter=STARTER, jobs=jobs, more=more))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> Server:
        """Starts it and waits until its models are ready."""
        command = [str(self.program), "serve", "--port", str(self.port), "--config", str(self.folder / "samovar.toml")]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        assert self.process.stderr is not None
        ready, said = threading.Event(), list[str]()

        def read(lines: Iterator[str]) -> None:
            for line in lines:
                said.append(line)
                if re.match(r"(not )?ready", line):
                    ready.set()
            ready.set()

        threading.Thread(target=read, args=(self.process.stderr,), daemon=True).start()
        assert ready.wait(START_MAX_S) and self.process.poll() is None, "".join(said)
        return self

    def kill(self) -> None:
        """Ends it without a word."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def end(self) -> None:
        """Ends it as a person would."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(60)


@pytest.fixture(scope="session")
def program() -> Path:
    named = os.environ.get("SAMOVAR_BIN")
    found = Path(named) if named else REPOSITORY / os.environ.get("CARGO_TARGET_DIR", "target") / "debug" / "samovar"
    if not found.exists():
        assert os.environ.get("CI") != "true", "the program is not built"
        pytest.skip("the program is not built: cargo build -p samovar")
    return found


@pytest.fixture(scope="session")
def make_server(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    """Makes servers that end with the tests."""
    servers: list[Server] = []

    def make(**options: str) -> Server:
        servers.append(Server(program, tmp_path_factory.mktemp("server"), **options))
        return servers[-1]

    yield make
    for server in servers:
        server.kill()


@pytest.fixture(scope="session")
def server(make_server: Callable[..., Server]) -> Server:
    return make_server().start()


@pytest.fixture
def samovar(server: Server) -> Iterator[Samovar]:
    with Samovar(server.url) as client:
        yield client


class Street:
    """A drawn street that ships with Samovar, and what is on it."""

    still = STARTER / "samples" / "still-3.jpg"
    clip = STARTER / "samples" / "street.mp4"
    persons = len(json.loads((STARTER / "samples" / "stills.json").read_text())["stills"][2]["people"])


@pytest.fixture(scope="session")
def street() -> Street:
    return Street()


@pytest.fixture(scope="session")
def frames(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """Some seconds of the street as JPEG pictures."""
    ffmpeg = needs_ffmpeg()
    folder = tmp_path_factory.mktemp("frames")
    command = [ffmpeg, "-v", "error", "-i", str(Street.clip), "-frames:v", "60", "-q:v", "3", str(folder / "%03d.jpg")]
    subprocess.run(command, check=True, timeout=60)
    return [path.read_bytes() for path in sorted(folder.iterdir())]


@pytest.fixture(scope="session")
def clip() -> Path:
    """A video, for who can decode it."""
    needs_ffmpeg()
    return Street.clip


def needs_ffmpeg() -> str:
    found = shutil.which("ffmpeg")
    if found is None:
        assert os.environ.get("CI") != "true", "ffmpeg is absent"
        pytest.skip("ffmpeg is absent")
    return found
