"""`jiesu read` and `jiesu route`: JSONL in, JSONL out, and the same for people."""

from __future__ import annotations

from datetime import datetime, time
from typing import TYPE_CHECKING, Final

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

import triage.tables
from nlp.types import Head, source_text
from triage import overlays
from triage.clock import BEIJING, SystemClock, local, show
from triage.commands.lines import each_line, plain
from triage.errors import BadInput, TriageError
from triage.jobs import load_reader
from triage.rules.rows import Tables  # noqa: TC001
from triage.services import answers, deciding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import BinaryIO

    from nlp.pipeline import Reader
    from nlp.types import PlaceReading, TextReading
    from triage.clock import Clock
    from triage.commands.lines import Answer, Readable, Result
    from triage.rules.decision import Decision
    from triage.rules.rows import UnitRow
    from triage.settings import Settings


def read_lines(settings: Settings, source: Readable, sink: BinaryIO) -> int:
    """Read JSONL and answer line by line, in order. Gives exit status 0, or 1 when a line was malformed."""
    tables = triage.tables.load(settings.tables_dir)
    return each_line(source, sink, answering(_reader(settings), tables, SystemClock()))


def answering(reader: Reader, tables: Tables, clock: Clock) -> Callable[[list[Answer]], list[Result]]:
    """What answers a batch of lines."""

    def answer(asked: list[Answer]) -> list[Result]:
        results: list[Result] = [_fault(item) or {} for item in asked]
        good = [at for at, result in enumerate(results) if not isinstance(result, ValueError)]
        readings = reader.read_many(
            (_words(asked[at]) for at in good),
            areas=[overlays.area_code(asked[at].get("caller_area")) for at in good],
        )
        for at, reading in zip(good, readings, strict=True):
            now = clock.now()
            decision = deciding.decide_text(tables, reading, now=now)
            results[at] = answers.reading_answer(reading, decision, at=_written(asked[at]) or now)
        return results

    return answer


def _reader(settings: Settings) -> Reader:
    """The models; without the encoder's weights a sentence on stderr says so."""
    reader = load_reader(settings)
    if reader.degraded:
        click.echo(f"编码模型不可用，只用词典识别：{reader.degraded}", err=True)
    return reader


def _words(asked: Answer) -> tuple[str | None, str]:
    """Title and text of a line that has no fault."""
    title = asked.get("title")
    return plain(title) if title else None, plain(asked.get("text") or "")


def _written(asked: Answer) -> datetime | None:
    """Noon in Beijing of the day under `at`. Raises BadInput."""
    day = answers.asked_day(asked)
    return datetime.combine(day, time(12), BEIJING) if day else None


def _fault(asked: Answer) -> ValueError | None:
    """What is wrong with a line to be read."""
    title, text = asked.get("title"), asked.get("text")
    if title is not None and not isinstance(title, str):
        return ValueError("title 应是文字")
    if text is None and not title:
        return ValueError("缺少 text")
    if text is not None and not isinstance(text, str):
        return ValueError("text 应是文字")
    if not isinstance(asked.get("caller_area"), str | None):
        return ValueError("caller_area 应是文字")
    try:
        answers.asked_day(asked)
    except BadInput as fault:
        return ValueError(fault.detail)
    return None


def route_lines(settings: Settings, source: Readable, sink: BinaryIO) -> int:
    """Answer who is responsible, line by line. Gives exit status 0, or 1 when a line was malformed."""
    tables = triage.tables.load(settings.tables_dir)
    today = local(SystemClock().now()).date()

    def answer(asked: Answer) -> Result:
        try:
            return answers.route_answer(tables, asked, today=today)
        except (TriageError, ValueError) as error:
            return error

    return each_line(source, sink, lambda batch: [answer(asked) for asked in batch])


def read_text(settings: Settings, title: str | None, text: str | None) -> None:
    """Print what was read, with the words that decided, for people. Raises BadInput without any words."""
    if text is None and not (title or "").strip():
        raise BadInput("标题和内容都是空的")
    title, text = plain(title) if title else None, plain(text or "")
    reader = _reader(settings)
    tables: Tables = triage.tables.load(settings.tables_dir)
    reading = reader.read(title, text)
    decision = deciding.decide_text(tables, reading, now=SystemClock().now())
    console = Console()
    table = Table(show_header=False, title="识别结果")
    table.add_column(no_wrap=True)
    # Chinese has no spaces to break a line at: without folding the end of a long cell is cut off.
    table.add_column(overflow="fold")
    for name, value in _rows(tables, reading, decision):
        table.add_row(name, escape(value))
    console.print(table)
    for line in _evidence(title, text, reading):
        console.print(line, highlight=False, markup=False)
    for step in decision.steps:
        console.print(f"· {step}", highlight=False, markup=False)


def _rows(tables: Tables, reading: TextReading, decision: Decision) -> Iterator[tuple[str, str]]:
    topic = reading.topic
    yield "环境类", f"{'是' if topic.environmental else '否'}（{topic.p_environmental:.0%}）"
    if topic.kind:
        guesses = "、".join(f"{tables.kind(guess.code).name} {guess.p:.0%}" for guess in topic.kinds[:3])
        sure = f"{topic.kind_confidence:.0%}"
        yield "污染种类", f"{topic.kind} {tables.kind(topic.kind).name}（{sure}；候选：{guesses}）"
    yield "诉求类型", topic.appeal_type.label
    yield "紧急程度", f"{decision.urgency.value} {decision.urgency.label}"
    yield from _where(reading.place)
    if topic.party:
        yield "被反映对象", topic.party
    if topic.when:
        yield "时间", topic.when
    yield "语气", _tone(reading)
    yield "处理", decision.state.label
    if decision.unit:
        yield "承办单位", _named((decision.unit,))
    if decision.assist:
        yield "协办", _named(decision.assist)
    if decision.cc:
        yield "抄送", _named(decision.cc)
    if decision.due and decision.due.answer_by:
        yield "答复期限", show(decision.due.answer_by.at)
    if decision.review_reasons:
        yield "需人工", "、".join(reason.label for reason in decision.review_reasons)
    yield "脱敏文本", source_text(reading.masked_title, reading.masked_text)


def _where(place: PlaceReading) -> Iterator[tuple[str, str]]:
    """Where it happens, as far as it is told, and what else it may be with the reasons."""
    if place.span:
        yield "地点原文", place.span
    named = (
        (place.district, place.district_code),
        (place.street, place.street_code),
        (place.community, None),
    )
    where = " ".join(f"{name} {code}" if code else name for name, code in named if name)
    hint = "，原文没有写明，依来电人登记的地区" if place.hinted else ""
    yield "地点", f"{where or '未识别'}（{place.precision.label}，{place.confidence:.0%}{hint}）"
    if place.door:
        yield "门牌", place.door
    if place.relation:
        yield "位置关系", place.relation
    if place.lon is not None and place.lat is not None:
        around = f"，十有九在 {place.radius} 米内" if place.radius is not None else ""
        yield "坐标", f"经度 {place.lon:.5f}，纬度 {place.lat:.5f}（WGS-84{around}）"
    if place.outside:
        yield "外地", place.outside
    for item in place.candidates:
        yield "地点候选", f"{item.name} {item.code}（{item.confidence:.0%}）：{'；'.join(item.why)}"


def _tone(reading: TextReading) -> str:
    if reading.mood is None:
        return "未识别"
    return reading.mood.mood.label + ("，激烈" if reading.mood.angry else "")


def _named(units: Iterable[UnitRow]) -> str:
    return "、".join(f"{unit.name} {unit.code}" for unit in units)


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
    Head.MOOD: "语气",
}
