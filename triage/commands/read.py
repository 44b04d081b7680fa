"""`jiesu read` and `jiesu route`: JSONL in, JSONL out, and the same for people."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import click
import orjson
from rich.console import Console
from rich.table import Table

import triage.tables
from nlp.types import Head, source_text
from triage.clock import SystemClock, local, show
from triage.errors import TriageError
from triage.jobs import load_reader
from triage.rules.rows import Tables  # noqa: TC001
from triage.services import answers, deciding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

    from nlp.pipeline import Reader
    from nlp.types import TextReading
    from triage.rules.decision import Decision
    from triage.settings import Settings

BATCH: Final = 64

Answer = dict[str, Any]
Result = Answer | ValueError | TriageError


def read_lines(settings: Settings, source: BinaryIO, sink: BinaryIO) -> int:
    """Read JSONL and answer line by line, in order. Gives exit status 0, or 1 when a line was malformed."""
    reader = _reader(settings)
    tables = triage.tables.load(settings.tables_dir)
    clock = SystemClock()

    def answer(asked: list[Answer]) -> list[Result]:
        results: list[Result] = [_fault(item) or {} for item in asked]
        good = [at for at, result in enumerate(results) if not isinstance(result, ValueError)]
        readings = reader.read_many((asked[at].get("title"), asked[at].get("text") or "") for at in good)
        for at, reading in zip(good, readings, strict=True):
            decision = deciding.decide_text(tables, reading, now=clock.now())
            results[at] = answers.reading_answer(reading, decision)
        return results

    return _each_line(source, sink, answer)


def _reader(settings: Settings) -> Reader:
    """The models; without the encoder's weights a sentence on stderr says so."""
    reader = load_reader(settings)
    if reader.degraded:
        click.echo(f"编码模型不可用，只用词典识别：{reader.degraded}", err=True)
    return reader


def _fault(asked: Answer) -> ValueError | None:
    """What is wrong with a line to be read."""
    title, text = asked.get("title"), asked.get("text")
    if title is not None and not isinstance(title, str):
        return ValueError("title 应是文字")
    if text is None and not title:
        return ValueError("缺少 text")
    if text is not None and not isinstance(text, str):
        return ValueError("text 应是文字")
    return None


def route_lines(settings: Settings, source: BinaryIO, sink: BinaryIO) -> int:
    """Answer who is responsible, line by line. Gives exit status 0, or 1 when a line was malformed."""
    tables = triage.tables.load(settings.tables_dir)
    today = local(SystemClock().now()).date()

    def answer(asked: Answer) -> Result:
        try:
            return answers.route_answer(tables, asked, today=today)
        except (TriageError, ValueError) as error:
            return error

    return _each_line(source, sink, lambda batch: [answer(asked) for asked in batch])


def _each_line(source: BinaryIO, sink: BinaryIO, answer: Callable[[list[Answer]], list[Result]]) -> int:
    """Answer every line that is not blank; a bad one gets an error in its place and the rest go on."""
    status = 0
    lines = enumerate(source, start=1)
    while batch := list(islice(lines, BATCH)):
        parsed = [(number, _parsed(number, line)) for number, line in batch if line.strip()]
        given = iter(answer([asked for _, asked in parsed if isinstance(asked, dict)]))
        for number, asked in parsed:
            if isinstance(asked, ValueError):
                told, status = {"line": number, "error": str(asked)}, 1
            elif isinstance(result := next(given), Exception):
                known = {"id": asked["id"]} if "id" in asked else {}
                told, status = {**known, "line": number, "error": f"第 {number} 行：{result}"}, 1
            else:
                told = {**asked, **result}
            sink.write(orjson.dumps(told) + b"\n")
        sink.flush()
    return status


def _parsed(number: int, line: bytes) -> Answer | ValueError:
    """The object of a line, or what is wrong with it."""
    try:
        asked = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return ValueError(f"第 {number} 行不是合法的 JSON：{error.msg}")
    return asked if isinstance(asked, dict) else ValueError(f"第 {number} 行应是一个 JSON 对象")


def read_text(settings: Settings, title: str | None, text: str) -> None:
    """Print what was read, with the words that decided, for people."""
    reader = _reader(settings)
    tables: Tables = triage.tables.load(settings.tables_dir)
    reading = reader.read(title, text)
    decision = deciding.decide_text(tables, reading, now=SystemClock().now())
    console = Console()
    table = Table(show_header=False, title="识别结果")
    for name, value in _rows(tables, reading, decision):
        table.add_row(name, value)
    console.print(table)
    for line in _evidence(title, text, reading):
        console.print(line, highlight=False, markup=False)
    for step in decision.steps:
        console.print(f"· {step}", highlight=False, markup=False)


def _rows(tables: Tables, reading: TextReading, decision: Decision) -> Iterator[tuple[str, str]]:
    topic, place = reading.topic, reading.place
    yield "环境类", f"{'是' if topic.environmental else '否'}（{topic.p_environmental:.0%}）"
    if topic.kind:
        guesses = "、".join(f"{tables.kind(guess.code).name} {guess.p:.0%}" for guess in topic.kinds[:3])
        yield "污染种类", f"{topic.kind} {tables.kind(topic.kind).name}（候选：{guesses}）"
    yield "诉求类型", topic.appeal_type.label
    yield "紧急程度", f"{decision.urgency.value} {decision.urgency.label}"
    where = " ".join(part for part in (place.district, place.street, place.community) if part)
    yield "地点", f"{where or '未识别'}（{place.precision.label}，{place.confidence:.0%}）"
    if topic.party:
        yield "被反映对象", topic.party
    if topic.when:
        yield "时间", topic.when
    yield "处理", decision.state.label
    if decision.unit:
        yield "承办单位", decision.unit.name
    if decision.assist:
        yield "协办", "、".join(unit.name for unit in decision.assist)
    if decision.cc:
        yield "抄送", "、".join(unit.name for unit in decision.cc)
    if decision.due and decision.due.answer_by:
        yield "答复期限", show(decision.due.answer_by.at)
    if decision.review_reasons:
        yield "需人工", "、".join(reason.label for reason in decision.review_reasons)


def _evidence(title: str | None, text: str, reading: TextReading) -> Iterator[str]:
    """One line per question: the words that spoke for the answer."""
    source = source_text(title, text)
    for head in Head:
        words = dict.fromkeys(
            source[item.start : item.end]
            for item in reading.evidence
            if item.head is head and item.weight > 0
        )
        if words:
            yield f"{_HEAD_LABELS[head]}依据：{'、'.join(words)}"


_HEAD_LABELS: Final = {
    Head.ENVIRONMENTAL: "环境类",
    Head.KIND: "种类",
    Head.APPEAL_TYPE: "诉求类型",
    Head.URGENCY: "紧急程度",
    Head.PLACE: "地点",
    Head.PARTY: "对象",
    Head.WHEN: "时间",
}
