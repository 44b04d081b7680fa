"""How fast texts are read, full path: `make bench-reading [ARGS="--data FILE"]`.

The same texts through the cascade, through the encoder for every text, through the lexicon alone, and through
jieba alone, one process and one thread each; with CPU time a text (which other work on the machine disturbs
least), start-up time and memory. `--torch FOLDER` adds a plain `transformers` pipeline over the base that the
encoder was made from; where the `train` extra is installed elsewhere, `--python` names that interpreter. The
last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

BESIDE: Final = Path(__file__).resolve().parents[2] / "shared" / "data"
#: A hotline's own mix: every text as it came, environmental or not.
NATURAL: Final = "hotline/dongguan_12345.jsonl"
MODES: Final = ("cascade", "encoder", "lexicon", "jieba")
BATCH: Final = 200

Item = tuple[str | None, str]


def texts(path: Path, count: int) -> list[Item]:
    """The first texts of a file; without the file, the demo's over and over."""
    if path.exists():
        lines = path.read_text(encoding="utf-8").split("\n")[:count]
        rows = [json.loads(line) for line in lines if line]
        return [(row.get("title"), row.get("text") or "") for row in rows]
    from triage.demo import load_demo  # noqa: PLC0415  (only where no data lies beside)

    demo = [(row.title, row.text) for row in load_demo()]
    return [demo[at % len(demo)] for at in range(count)]


def reader_of(mode: str) -> Callable[[Sequence[Item]], object]:
    """What reads a batch in this mode, ready to read."""
    if mode == "jieba":
        from nlp.text import cut  # noqa: PLC0415

        list(cut("预热"))
        return lambda batch: [list(cut(text)) for _, text in batch]
    from dataclasses import replace  # noqa: PLC0415

    from nlp import WEIGHTS  # noqa: PLC0415
    from nlp.beliefs import Sure  # noqa: PLC0415
    from nlp.cascade import CascadeReader  # noqa: PLC0415
    from nlp.encoder import Encoder  # noqa: PLC0415
    from nlp.grams import Grams  # noqa: PLC0415
    from nlp.pipeline import Reader  # noqa: PLC0415
    from nlp.places import PlaceReader  # noqa: PLC0415
    from nlp.topics import TopicReader  # noqa: PLC0415

    encoder = None if mode == "lexicon" else Encoder(WEIGHTS)
    if encoder is not None and mode == "encoder":
        encoder.card = replace(encoder.card, sure=Sure(1.01, -1.0, 1.01))
    grams = None if mode == "lexicon" else Grams(WEIGHTS)
    reader = Reader(CascadeReader(TopicReader.load(), encoder, grams), PlaceReader.load())
    return reader.read_many


def torch_of(folder: Path) -> Callable[[Sequence[Item]], object]:
    """A plain `transformers` pipeline with a folder's weights, as anyone would write it."""
    import torch  # noqa: PLC0415
    from transformers import pipeline  # noqa: PLC0415

    torch.set_num_threads(1)
    plain = pipeline("feature-extraction", model=str(folder), device=-1)
    return lambda batch: [plain(f"{title or ''}\n{text}"[:400], truncation=True) for title, text in batch]


def measure(
    make: Callable[[], Callable[[Sequence[Item]], object]], items: Sequence[Item]
) -> dict[str, float]:
    """Start-up seconds, texts a second, CPU milliseconds a text, peak MiB of this process."""
    began = time.perf_counter()
    read = make()
    read(items[:1])
    ready = time.perf_counter() - began
    began, worked = time.perf_counter(), time.process_time()
    for start in range(0, len(items), BATCH):
        read(items[start : start + BATCH])
    spent, worked = time.perf_counter() - began, time.process_time() - worked
    return {
        "texts_per_s": round(len(items) / spent, 1),
        "cpu_ms": round(1000 * worked / len(items), 3),
        "start_s": round(ready, 2),
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 0),
    }


def main() -> None:
    """Measure each mode in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=BESIDE / NATURAL)
    parser.add_argument("--count", type=int, default=2_000)
    parser.add_argument("--torch", type=Path, help="a Hugging Face folder to compare with")
    parser.add_argument("--python", default=sys.executable, help="the interpreter that has torch")
    parser.add_argument("--mode", help=argparse.SUPPRESS)
    options = parser.parse_args()
    items = texts(options.data, options.count)
    if options.mode:
        make = (
            (lambda: torch_of(options.torch)) if options.mode == "torch" else lambda: reader_of(options.mode)
        )
        print(json.dumps(measure(make, items)))
        return
    figures: dict[str, Any] = {"bench": "reading", "texts": len(items)}
    for mode in (*MODES, *(("torch",) if options.torch else ())):
        extra = ["--torch", str(options.torch)] if options.torch else []
        # The plain pipelines are slow: a tenth of the texts says as much.
        count = options.count // 10 if mode in {"encoder", "torch"} else options.count
        done = subprocess.run(
            [
                options.python if mode == "torch" else sys.executable,
                "-m",
                "bench.reading",
                "--mode",
                mode,
                "--data",
                str(options.data),
                "--count",
                str(count),
                *extra,
            ],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        figures[mode] = json.loads(done.stdout.splitlines()[-1])
        print(f"{mode}: {figures[mode]}", file=sys.stderr, flush=True)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
