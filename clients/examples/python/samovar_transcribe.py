"""A recording as text by Samovar's own client, with the time of each word.

    pip install ./clients/python
    python samovar_transcribe.py http://127.0.0.1:8080 starter-whisper call.flac call.json
"""

import json
import sys
from pathlib import Path

from samovar_client import InvalidRequest, Samovar

url, model, path, truth = sys.argv[1:5]
truth = json.loads(Path(truth).read_text())

with Samovar(url) as samovar:
    heard = samovar.transcribe(Path(path), model=model, words=True)
    for segment in heard.segments:
        print(f"{segment.start_s:6.2f} {segment.text}")
    print(f"{heard.language}, {heard.duration_s} s in {heard.timings.hear_ms:.0f} ms")
    assert heard.text == truth["text"] and heard.language == truth["language"] and heard.incomplete is None
    assert " ".join(word.text for segment in heard.segments for word in segment.words) == heard.text

    try:
        samovar.transcribe(Path(path).read_bytes(), model=model, language="klingon")
    except InvalidRequest as refused:
        print(f"refused: {refused.code}: {refused.detail}")
        assert refused.code == "unknown_language"
    else:
        sys.exit("a language that nobody speaks was not refused")
