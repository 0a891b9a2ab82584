"""Reads what Samovar exports with the libraries that others read it with, and holds every format against the JSON Lines.

    pip install pyarrow pandas pycocotools
    SAMOVAR_EXPORTS=FOLDER cargo nextest run -p samovar-recorded --run-ignored only every_format_for
    python tools/reference/exports.py FOLDER
"""

import json
import sys
from pathlib import Path

import pandas
import pyarrow.parquet
from pycocotools.coco import COCO


def objects_of_lines(path):
    for line in path.read_text().splitlines():
        frame = json.loads(line)
        for found in frame["detections"]:
            yield frame["frame"], found["class_id"], found["score"], *found["box"], found.get("track")


def close(one, other):
    assert len(one) == len(other), (len(one), len(other))
    for left, right in zip(one, other):
        for a, b in zip(left, right):
            same = (a is None and pandas.isna(b)) or (a is not None and abs(a - b) < 1e-4)
            assert same, (left, right)


def main(folder):
    expected = list(objects_of_lines(folder / "street.jsonl"))
    columns = ["frame", "class_id", "score", "x1", "y1", "x2", "y2", "track"]

    table = pyarrow.parquet.read_table(folder / "street.parquet")
    print(table.schema)
    frame = table.to_pandas()
    close(expected, frame[frame.class_id.notna()][columns].values.tolist())
    frames = int(pyarrow.parquet.read_metadata(folder / "street.parquet").metadata[b"samovar.frames"])
    assert frame.frame.nunique() == frames
    print("parquet:", frame.groupby("frame").class_id.count().describe()["mean"], "objects a frame")

    close(expected, pandas.read_csv(folder / "street.csv")[columns].values.tolist())

    coco = COCO(str(folder / "street.json"))
    assert len(coco.getImgIds()) == frames
    annotations = coco.loadAnns(coco.getAnnIds())
    close(
        [(row[1] + 1, row[2], row[3], row[4], row[5] - row[3], row[6] - row[4]) for row in expected],
        [(found["category_id"], found["score"], *found["bbox"]) for found in annotations],
    )
    results = coco.loadRes([{key: found[key] for key in ("image_id", "category_id", "bbox", "score")} for found in annotations])
    assert len(results.getAnnIds()) == len(expected)

    mot = pandas.read_csv(folder / "street.txt", header=None)
    told = [(row[0] + 1, row[7], row[3], row[4], row[5] - row[3], row[6] - row[4], row[2]) for row in expected if row[7]]
    close(told, mot[[0, 1, 2, 3, 4, 5, 6]].values.tolist())
    print("all agree:", len(expected), "objects in", frames, "frames")


main(Path(sys.argv[1]))
