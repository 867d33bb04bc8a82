"""Scores users by an exported ONNX model: `export.py MODEL.onnx RATINGS.csv MERGE [LEAST MOST]`.

RATINGS.csv has user,item,rating. Rows are merged as the caller of the model has to: by MERGE, which is sum, mean or max. Prints a line
for each user: user, segment, distance to it, and by how much it is before the next, as a share.
"""
import csv
import json
import sys

import numpy as np
import onnx
import onnxruntime

model, ratings, merge = sys.argv[1:4]
least, most = map(float, sys.argv[4:6]) if len(sys.argv) > 4 else (0.0, 1e15)

onnx.checker.check_model(onnx.load(model), full_check=True)
session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
metadata = session.get_modelmeta().custom_metadata_map
items = {item: at for at, item in enumerate(json.loads(metadata["items"]))}
segments = json.loads(metadata["segments"])

rows = {}
with open(ratings, newline="", encoding="utf-8") as file:
    for user, item, rating in csv.reader(file):
        if least <= float(rating) <= most:
            rows.setdefault(user, {}).setdefault(items.get(item), []).append(float(rating))
users = sorted(rows)
# NaN for what is missing, and 0 for it in every other row: both say that there is no rating.
matrix = np.full((len(users), len(items)), np.nan)
matrix[::2] = 0.0
merged = {"sum": sum, "mean": lambda x: sum(x) / len(x), "max": max}[merge]
for at, user in enumerate(users):
    for item, values in rows[user].items():
        if item is not None:
            matrix[at, item] = merged(values)

names = [output.name for output in session.get_outputs()]
found = dict(zip(names, session.run(names, {"ratings": matrix})))
assert found["segment"].shape == (len(users),) and found["segment"].dtype == np.int64
assert found["distances"].shape == (len(users), len(segments)) and found["distances"].dtype == np.float64
alone = session.run(["segment"], {"ratings": matrix[:1]})[0]
assert alone[0] == found["segment"][0]
keys = -found["likelihoods"] if "likelihoods" in found else found["distances"]
two = np.sort(keys, axis=1)[:, :2] if len(segments) > 1 else np.hstack([keys, keys + 1])
margins = (two[:, 1] - two[:, 0]) / np.maximum(np.abs(two[:, 0]), 1e-300)
out = csv.writer(sys.stdout)
for at, user in enumerate(users):
    segment = found["segment"][at]
    out.writerow([user, segment, repr(float(found["distances"][at, segment])), repr(float(margins[at]))])
