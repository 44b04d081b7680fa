"""`jiesu nlp evaluate`, `threshold`, `train`, `export`: how good the reading is, and a better one."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click
import orjson

import triage.tables
from nlp import evaluation
from nlp.folder import WeightsError
from nlp.foreign import GRAPHS, load_encoder
from nlp.text import LEXICON
from triage.commands import city_texts
from triage.commands.lines import words_of
from triage.commands.own_file import write_own
from triage.errors import BadInput
from triage.jobs import load_reader

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nlp.evaluation import Pair
    from triage.settings import Settings


def _pairs(settings: Settings, gold: Sequence[str]) -> tuple[list[Pair], dict[str, Any]]:
    """Labelled rows with their readings, and what read them how fast. Raises BadInput."""
    try:
        rows = [row for path in gold for row in evaluation.labelled(Path(path))]
    except ValueError as fault:
        raise BadInput(str(fault)) from None
    if not rows:
        raise BadInput("没有标注数据")
    reader = load_reader(settings)
    if reader.degraded:
        # The lexicon would read in its place, and the figures would be about another model.
        raise BadInput(f"模型 {settings.nlp_model} 不可用，无法评测：{reader.degraded}")
    began = time.perf_counter()
    readings = reader.read_many(words_of(row) for row in rows)
    spent = time.perf_counter() - began
    pairs = [(row, reading.topic) for row, reading in zip(rows, readings, strict=True)]
    return pairs, {"model_version": reader.model_version, "texts_per_s": round(len(rows) / spent, 1)}


def evaluate(settings: Settings, gold: Sequence[str]) -> None:
    """Print all figures as one JSON line."""
    pairs, about = _pairs(settings, gold)
    click.echo(orjson.dumps({**about, **evaluation.figures(pairs)}).decode())


def threshold(settings: Settings, gold: Sequence[str], *, accuracy: float) -> None:
    """Say below which confidence a person must look to get this accuracy, and what that costs."""
    pairs, _ = _pairs(settings, gold)
    if not any(row["environmental"] for row, _ in pairs):
        raise BadInput("这份数据里没有环境类的标注，说不出种类的准确率")
    points = evaluation.settable(evaluation.curve(pairs))
    point = evaluation.threshold_for(points, accuracy)
    if point is None:
        best = max((p.accuracy for p in points), default=0.0)
        raise BadInput(f"在这份数据上达不到 {accuracy:.1%} 的准确率，最高 {best:.1%}")
    click.echo(f"污染种类准确率 {point.accuracy:.1%}：自动处理 {point.coverage:.1%}，其余转人工")
    click.echo(f"对应设置：JIESU_REVIEW_KIND={point.threshold:.3f}")


class CityFiles(NamedTuple):
    """The labelled rows of a city's exports as files for training."""

    learned: tuple[Path, ...]
    held_out: Path | None


def city_files(
    exports: Sequence[Path], map_file: str | None, kinds: Sequence[str], work: Path, *, hold_out: bool = True
) -> CityFiles:
    """Read a city's exports and write their masked, labelled rows into `work`. Raises BadInput.

    Without `hold_out` all of them are learned from: something else is calibrated on.
    """
    if not exports:
        return CityFiles((), None)
    if map_file is None:
        raise BadInput(f"{exports[0].name} 是本市的导出文件，要同时给出对照表 --map")
    city = city_texts.load_map(Path(map_file), kinds)
    found = [city_texts.read(path, city) for path in exports]
    for note in (note for item in found for note in item.notes):
        click.echo(note, err=True)
    work.mkdir(mode=0o700, parents=True, exist_ok=True)
    learned = [row for item in found for row in item.learned]
    held_out = [row for item in found for row in item.held_out]
    if not hold_out:
        learned, held_out = [*learned, *held_out], []
    return CityFiles(
        (_written(work / "city.jsonl", learned),),
        _written(work / "city_held_out.jsonl", held_out) if held_out else None,
    )


def _written(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    """A file of rows for its owner's eyes alone."""
    write_own(path, "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows))
    return path


def train(
    settings: Settings,
    *,
    data: Sequence[str],
    texts: Sequence[str],
    map_file: str | None,
    held_out: str | None,
    base: str,
    start: str | None,
    out: str,
    work: str,
    epochs: int,
) -> None:
    """Fine-tune, export and calibrate an encoder into `out`. Raises BadInput."""
    try:
        from nlp.training import make  # noqa: PLC0415  (torch and friends: an extra)
    except ImportError as missing:
        raise BadInput(f"训练需要额外的软件包（{missing.name}）：pip install 'jiesu[train]'") from None
    from nlp.training.examples import BadExample  # noqa: PLC0415

    kinds = sorted(triage.tables.load(settings.tables_dir).kinds)
    folders = [Path(path) for path in texts if Path(path).is_dir()]
    if len(folders) > 1:
        raise BadInput("--texts 只能给一个目录；文件可以有多个")
    exports = [Path(path) for path in texts if not Path(path).is_dir()]
    city = city_files(exports, map_file, kinds, Path(work), hold_out=held_out is None)
    try:
        card = make.make(
            data=[*(Path(path) for path in data), *city.learned],
            texts=folders[0] if folders else None,
            held_out=Path(held_out) if held_out else None,
            beside=city.held_out,
            base=Path(base),
            start=Path(start) if start else None,
            out=Path(out),
            work=Path(work),
            kinds=kinds,
            lexicon=LEXICON,
            epochs=epochs,
            told=lambda line: click.echo(json.dumps(line, ensure_ascii=False), err=True),
        )
    except (BadExample, WeightsError) as fault:
        raise BadInput(str(fault)) from None
    click.echo(orjson.dumps(card).decode())


def export(settings: Settings, folder: str, *, int8: bool) -> None:
    """Write a folder's ONNX graph and try it. Raises BadInput."""
    try:
        from nlp.training.export_folder import GRAPH, export_folder  # noqa: PLC0415  (torch and friends: an extra)
    except ImportError as missing:
        raise BadInput(f"导出需要额外的软件包（{missing.name}）：pip install 'jiesu[train]'") from None
    first = GRAPHS[: GRAPHS.index(GRAPH)]
    if before := [name for name in first if (Path(folder) / name).exists()]:
        raise BadInput(f"{folder} 里已有 {before[0]}，识别时先用它，导出的 {GRAPH} 不会被读取；请先把它移走")
    try:
        export_folder(Path(folder), int8=int8, told=lambda name: click.echo(f"写出 {name}"))
    except Exception as fault:  # torch, transformers and onnxruntime raise exceptions of all kinds
        raise BadInput(f"{folder} 不能导出：{type(fault).__name__}：{fault}") from fault
    kinds = triage.tables.load(settings.tables_dir).kinds
    try:
        load_encoder(Path(folder), kinds=kinds)
    except WeightsError as fault:
        click.echo(f"已导出，但还不能使用：{fault}")
        return
    click.echo(f"可以使用：JIESU_NLP_MODEL={folder}")
