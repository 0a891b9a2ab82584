"""Single questions by Samovar's own client: ranks, likenesses, faces.

    pip install ./clients/python
    python samovar_answers.py http://127.0.0.1:8080 minilm yunet zidane.jpg
"""

import sys
from pathlib import Path

from samovar_client import Samovar

url, texts, faces, path = sys.argv[1:5]
HAPPY = "That is a happy person"
OTHERS = ["That is a happy dog", "That is a very happy person", "Today is a sunny day"]

with Samovar(url) as samovar:
    ((dog, very, sunny),) = samovar.similarity([HAPPY], OTHERS, model=texts).scores
    print(f"likeness: {dog:.3f}, {very:.3f}, {sunny:.3f}")
    # What the model's card says of all-MiniLM-L6-v2.
    assert max(abs(dog - 0.695), abs(very - 0.943), abs(sunny - 0.257)) < 2e-3

    ranking = samovar.rerank(HAPPY, OTHERS, model=texts, top_n=2)
    print(ranking.method, [(OTHERS[one.index], round(one.relevance_score, 3)) for one in ranking.results])
    assert [one.index for one in ranking.results] == [1, 0]

    found = samovar.faces(Path(path), model=faces)
    print("faces:", [(round(face.score, 2), face.box) for face in found.faces])
    # Two men, 0.94 and 0.90.
    assert [round(face.score, 1) for face in found.faces] == [0.9, 0.9]
    assert all(face.box[0] < face.landmarks.nose[0] < face.box[2] for face in found.faces)
