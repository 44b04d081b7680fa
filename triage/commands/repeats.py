"""`jiesu repeats score`: pairs of texts in, how likely each pair is one matter out."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import click

from nlp.repeats import PairReader
from triage.clock import BEIJING
from triage.commands.lines import Noted, each_line, plain
from triage.errors import BadInput

if TYPE_CHECKING:
    from typing import BinaryIO

    from nlp.repeat_profile import Profile
    from triage.commands.lines import Answer, Readable, Result
    from triage.settings import Settings

#: What of a line is given back: not the texts.
_GIVEN_BACK: Final = frozenset({"id"})
_HALF: Final = r"(?:\D{0,6}?(?P<half>上午|下午|晚上|晚|AM|PM))?"
_CLOCK: Final = (
    rf"(?:{_HALF}\D{{0,6}}?(?P<hour>\d{{1,2}})[:时点](?:(?P<minute>\d{{1,2}})(?:[:分]\d{{0,2}})?[^\dAP]{{0,2}}\d{{0,6}})?"
    r"\s?(?P<after>AM|PM)?\D{0,8})?"
)
_TIME: Final = re.compile(
    rf"(?:(?P<year>\d{{4}})\D(?P<month>\d{{1,2}})\D(?P<day>\d{{1,2}})日?"
    rf"|(?P<month2>\d{{1,2}})/(?P<day2>\d{{1,2}})/(?P<year2>\d{{4}})){_CLOCK}"
)
#: 201902281125, 20190228112505. Before seconds: as thousandths since 1970 they would be of the seventies.
_TOGETHER: Final = re.compile(r"(?:19|20)\d{10}(?:\d{2})?", re.ASCII)
#: Seconds since 1970 of this century; with three more digits, thousandths.
_EPOCH: Final = re.compile(r"[1-9]\d{8,9}(?:\d{3})?", re.ASCII)
#: After a clock, for other forms than ISO 8601: 2019/2/28 11:25:05 +0800.
_ZONE: Final = re.compile(r"(.*:\d{2}) ?([+-]\d{2}):?(\d{2})", re.ASCII)
_SECONDS_DIGITS: Final = 10
_AFTERNOON: Final = frozenset({"下午", "晚上", "晚", "PM"})
_NOON: Final = 12
_LONGEST_TIME: Final = 40
_MIDNIGHT: Final = 24
_MONTHS: Final = 12
_DIGITS: Final = 4
#: Each fifth hundredth of the curve is shown, and the last five.
_SHOWN: Final = 5


def threshold(settings: Settings, *, false_merges: float) -> None:
    """Say from which probability on so few of the hard pairs of two matters are merged, and what is found.

    Raises BadInput where no threshold does or none was measured, and WeightsError.
    """
    pairs = _pairs(settings)
    if pairs.degraded:
        raise BadInput("逐词比对的模型不可用，各值的实测说的是完整的模型：先恢复权重")
    if not pairs.curve:
        raise BadInput("这套权重没有各值的实测")
    click.echo("把握   说对的  找到的  误并的（实测于难分的诉求对）")
    for row in (*pairs.curve[:-_SHOWN:_SHOWN], *pairs.curve[-_SHOWN:]):
        click.echo(f"{row.start:.2f}  {row.precision:6.1%}  {row.recall:6.1%}  {row.false_merge_rate:6.2%}")
    click.echo(f"现在：提示从 {pairs.same_from:g} 起，自动处理从 {pairs.certain_from:g} 起")
    found = next((row for row in pairs.curve if row.false_merge_rate <= false_merges), None)
    if found is None:
        least = min(row.false_merge_rate for row in pairs.curve)
        raise BadInput(f"达不到 {false_merges:.2%} 的误并率，最低 {least:.2%}")
    click.echo(
        f"误并不超过 {false_merges:.2%}：从 {found.start:.2f} 起，说对 {found.precision:.1%}，"
        f"找到 {found.recall:.1%}，误并 {found.false_merge_rate:.2%}"
    )
    low = found.start < pairs.same_from
    only = "（自动处理不低于提示的值：两项要一起设）" if low else "（自动处理）"
    click.echo(f"对应设置：JIESU_REPEATS_CERTAIN={found.start:.2f}{only}")
    click.echo(f"或 JIESU_REPEATS_SAME={found.start:.2f}（提示；低于它的也不自动处理）")


def _pairs(settings: Settings) -> PairReader:
    pairs = PairReader.load(same_from=settings.repeats_same, certain_from=settings.repeats_certain)
    if pairs.degraded:
        click.echo(f"逐词比对的模型不可用，只按特征判断：{pairs.degraded}", err=True)
    return pairs


def score_lines(settings: Settings, source: Readable, sink: BinaryIO, *, why: bool = False) -> int:
    """Answer pairs line by line, in order. Gives exit status 0, or 1 when a line was malformed."""
    pairs = _pairs(settings)

    def answer(asked: Answer) -> Result:
        faults: list[str] = []
        try:
            a, b = (_profile(pairs, asked, side, faults) for side in ("a", "b"))
        except ValueError as fault:
            return fault
        found = pairs.likeness(a, b)
        told: Answer = {"p_same": round(found.p, _DIGITS), "same": found.same}
        if why:
            told["why"] = list(found.why)
        return Noted(told, f"{'；'.join(faults)}，按没有时间比对") if faults else told

    return each_line(source, sink, lambda batch: [answer(asked) for asked in batch], given_back=_GIVEN_BACK)


def _profile(pairs: PairReader, asked: Answer, side: str, faults: list[str]) -> Profile:
    """One side of a pair; a time that cannot be read is a fault, and none. Raises ValueError for the rest."""
    told = asked.get(side)
    if not isinstance(told, dict):
        raise ValueError(f"{side} 应是带 title、text 的对象")  # noqa: TRY004  (a fault of the line)
    title, text = told.get("title"), told.get("text")
    for name, value in (("title", title), ("text", text)):
        if value is not None and not isinstance(value, str):
            raise ValueError(f"{side}.{name} 应是文字")
    if not (title or "").strip() and not (text or "").strip():
        raise ValueError(f"{side} 缺少 text")
    try:
        at = time_of(told.get("time"), side)
    except ValueError as fault:
        faults.append(str(fault))
        at = None
    return pairs.profile(plain(title) if title else None, plain(text or ""), at)


def time_of(told: Any, side: str) -> datetime | None:  # noqa: ANN401  (whatever a line holds)
    """When an appeal came, by Beijing time unless it says otherwise. Raises ValueError when it is no time."""
    if told is None or (isinstance(told, str) and not told.strip()):
        return None
    if isinstance(told, float) and told.is_integer():
        told = int(told)
    if isinstance(told, int) and not isinstance(told, bool):
        told = str(told)
    if not isinstance(told, str):
        raise ValueError(f"{side}.time 应是文字形式的时间")  # noqa: TRY004  (a fault of the line)
    said = told.strip().removesuffix(".0")
    if _TOGETHER.fullmatch(said):
        return _strict(f"{said[:8]}T{said[8:]}", side).replace(tzinfo=BEIJING)
    if _EPOCH.fullmatch(said):
        seconds = int(said) / (1000 if len(said) > _SECONDS_DIGITS else 1)
        return datetime.fromtimestamp(seconds, BEIJING)
    try:
        moment = datetime.fromisoformat(said)
    except ValueError:
        moment = _elsewhere(said, side)
    return moment if moment.tzinfo else moment.replace(tzinfo=BEIJING)


def _strict(told: str, side: str) -> datetime:
    try:
        return datetime.fromisoformat(told)
    except ValueError:
        raise ValueError(f"{side}.time 不是时间") from None


def _elsewhere(told: str, side: str) -> datetime:
    """Another form, with a zone or without."""
    zoned = _ZONE.fullmatch(told)
    if zoned is None:
        return _loose(told, side)
    zone = _strict(f"2000-01-01T00:00:00{zoned[2]}:{zoned[3]}", side).tzinfo
    return _loose(zoned[1], side).replace(tzinfo=zone)


def _loose(told: str, side: str) -> datetime:
    """The other forms that exports have: 2019/2/28 11:25:05, 2019年2月28日11时, 05/03/2016 下午3:00."""
    match = _TIME.fullmatch(told) if len(told) <= _LONGEST_TIME else None
    if match is None:
        raise ValueError(f"{side}.time 不是时间")
    got = match.groupdict()
    hour, minute = int(got["hour"] or 0), int(got["minute"] or 0)
    month, day_of_month = int(got["month"] or got["month2"]), int(got["day"] or got["day2"])
    if got["month2"] and month > _MONTHS:
        # 28/02/2019: what can only be day first.
        month, day_of_month = day_of_month, month
    half = got["half"] or got["after"]
    if half in _AFTERNOON and hour < _NOON:
        hour += _NOON
    if half == "AM" and hour == _NOON:
        hour = 0
    try:
        day = datetime(int(got["year"] or got["year2"]), month, day_of_month, tzinfo=BEIJING)
        if (hour, minute) == (_MIDNIGHT, 0):
            return day + timedelta(days=1)
        return day.replace(hour=hour, minute=minute)
    except (ValueError, OverflowError):
        raise ValueError(f"{side}.time 不是时间") from None
