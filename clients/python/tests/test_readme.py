"""The examples of the README, as they stand there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import REPOSITORY, Server, needs_ffmpeg

README = Path(__file__).parents[1] / "README.md"
EXAMPLES = re.findall(r"^```python\n(.*?)^```", README.read_text(), re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def starter(make_server: Callable[..., Server]) -> Server:
    """What the README says to start."""
    server = make_server()
    text = (REPOSITORY / "starter" / "samovar.toml").read_text()
    text = text.replace('path = "', f'engine = "rten"\npath = "{REPOSITORY}/starter/')
    quick = '[plans]\nfolder = "plans"\nbackground = false\n[jobs]\nfolder = "jobs"\n'
    (server.folder / "samovar.toml").write_text(text + quick)
    return server.start()


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_an_example_runs(starter: Server, number: int, tmp_path: Path) -> None:
    needs_ffmpeg()
    code = f"URL, FOLDER = {starter.url!r}, {str(tmp_path)!r}\n{EXAMPLES[number]}"
    environment = os.environ | {"PYTHONPATH": str(README.parent / "src")}
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=300
    )
    assert ran.returncode == 0 and ran.stdout, ran.stderr
