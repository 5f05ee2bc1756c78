# What the scripted model asks python_executor to run, followed by a call of main().
import csv
import json

MISSING = {"", "NA", "N/A", "null", "None", "nan"}


def number(text):
    try:
        return float(text)
    except ValueError:
        return None


def figures(values):
    return {"count": len(values), "total": round(sum(values), 4), "mean": round(sum(values) / len(values), 4)}


def profile(rows):
    columns = list(rows[0])
    filled = {c: [r[c] for r in rows if r[c] not in MISSING] for c in columns}
    measures = [c for c in columns if filled[c] and all(number(v) is not None for v in filled[c])]
    groups = [c for c in columns if c not in measures and 1 < len(set(filled[c])) <= 12]
    by = {}
    for group in groups:
        for measure in measures:
            found = {}
            for row in rows:
                if row[group] not in MISSING and row[measure] not in MISSING:
                    found.setdefault(row[group], []).append(float(row[measure]))
            by[f"{measure} by {group}"] = {key: figures(values) for key, values in found.items()}
    return {"measures": {c: figures([float(v) for v in filled[c]]) for c in measures}, "by": by}


def main(path):
    text = open(path, encoding="utf-8", newline="").read()
    result = {"file": path, "characters": len(text)}
    if path.endswith(".csv"):
        rows = list(csv.DictReader(text.splitlines()))
        result["rows"] = len(rows)
        result.update(profile(rows) if rows else {})
    print(json.dumps(result))
