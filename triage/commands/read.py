"""`jiesu read` and `jiesu route`: JSONL in, JSONL out, and the same for people."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final

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


def read_lines(settings: Settings, source: BinaryIO, sink: BinaryIO) -> int:
    """Read JSONL and answer line by line, in order. Gives exit status 0, or 1 when a line was malformed."""
    reader = load_reader(settings)
    tables = triage.tables.load(settings.tables_dir)
    clock = SystemClock()

    def answer(asked: Answer) -> Answer:
        title, text = asked.get("title"), asked.get("text")
        if title is not None and not isinstance(title, str):
            raise ValueError("title 应是文字")
        if text is None and not title:
            raise ValueError("缺少 text")
        if text is not None and not isinstance(text, str):
            raise ValueError("text 应是文字")
        reading, decision = deciding.read_text(tables, reader, title, text or "", now=clock.now())
        return answers.reading_answer(reading, decision)

    return _each_line(source, sink, answer)


def route_lines(settings: Settings, source: BinaryIO, sink: BinaryIO) -> int:
    """Answer who is responsible, line by line. Gives exit status 0, or 1 when a line was malformed."""
    tables = triage.tables.load(settings.tables_dir)
    today = local(SystemClock().now()).date()
    return _each_line(source, sink, lambda asked: answers.route_answer(tables, asked, today=today))


def _each_line(source: BinaryIO, sink: BinaryIO, answer: Callable[[Answer], Answer]) -> int:
    """Answer every line that is not blank; a bad one gets an error in its place and the rest go on."""
    status = 0
    lines = enumerate(source, start=1)
    while batch := list(islice(lines, BATCH)):
        for number, line in batch:
            if not line.strip():
                continue
            result, good = _one_line(number, line, answer)
            status = status if good else 1
            sink.write(orjson.dumps(result) + b"\n")
        sink.flush()
    return status


def _one_line(number: int, line: bytes, answer: Callable[[Answer], Answer]) -> tuple[Answer, bool]:
    try:
        asked = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return {"line": number, "error": f"第 {number} 行不是合法的 JSON：{error.msg}"}, False
    if not isinstance(asked, dict):
        return {"line": number, "error": f"第 {number} 行应是一个 JSON 对象"}, False
    try:
        return {**asked, **answer(asked)}, True
    except (TriageError, ValueError) as error:
        message = f"第 {number} 行：{error}"
        return {**({"id": asked["id"]} if "id" in asked else {}), "line": number, "error": message}, False


def read_text(settings: Settings, title: str | None, text: str) -> None:
    """Print what was read, with the words that decided, for people."""
    reader: Reader = load_reader(settings)
    tables: Tables = triage.tables.load(settings.tables_dir)
    reading, decision = deciding.read_text(tables, reader, title, text, now=SystemClock().now())
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
    if reading.review:
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
