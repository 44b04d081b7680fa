"""When a notice goes out and what it says, by the rows of `notices.yaml`."""

from __future__ import annotations

import pytest

from models.vocab import Tag, Urgency
from models.vocab_notices import Medium, NoticeTo, RecipientKind
from tests.triage.rules.helpers import moment, tables
from triage.rules.notice_rows import pause
from triage.rules.noticing import Said, not_before, reminding, words
from triage.services.notices.telling import Happened, notices_of

_TABLE = tables().notices
_UNIT, _CITIZEN = RecipientKind.UNIT, RecipientKind.APPELLANT
_DAY = moment("2026-11-26 10:00").date()
_SMS = next(row for row in _TABLE.media if row.medium is Medium.SMS)


@pytest.mark.parametrize(
    ("kind", "urgency", "said_at", "goes_at"),
    [
        (_UNIT, Urgency.U1, "2026-11-26 03:00", "2026-11-26 03:00"),
        (_UNIT, Urgency.U2, "2026-11-26 23:59", "2026-11-26 23:59"),
        (_UNIT, Urgency.U3, "2026-11-26 10:00", "2026-11-26 10:30"),
        (_UNIT, Urgency.U3, "2026-11-26 10:29", "2026-11-26 10:30"),
        (_UNIT, Urgency.U4, "2026-11-26 10:30", "2026-11-26 11:00"),
        (_UNIT, Urgency.U3, "2026-11-26 21:10", "2026-11-26 21:30"),
        (_UNIT, Urgency.U3, "2026-11-26 21:40", "2026-11-27 07:00"),
        (_UNIT, Urgency.U3, "2026-11-26 23:50", "2026-11-27 07:00"),
        (_UNIT, Urgency.U3, "2026-11-27 06:29", "2026-11-27 07:00"),
        (_CITIZEN, Urgency.U3, "2026-11-26 12:00", "2026-11-26 12:00"),
        (_CITIZEN, Urgency.U1, "2026-11-26 22:00", "2026-11-27 08:00"),
    ],
)
def test_windows_and_quiet_hours(kind: RecipientKind, urgency: Urgency, said_at: str, goes_at: str) -> None:
    assert not_before(_TABLE, kind, urgency, moment(said_at)) == moment(goes_at)


@pytest.mark.parametrize(
    ("urgency", "said_at", "due", "goes_at"),
    [
        (Urgency.U3, "2026-11-26 10:00", "2026-11-26 10:31", "2026-11-26 10:30"),
        (Urgency.U3, "2026-11-26 10:00", "2026-11-26 10:30", "2026-11-26 10:00"),
        (Urgency.U3, "2026-11-26 10:00", None, "2026-11-26 10:30"),
        (Urgency.U3, "2026-11-26 21:50", "2026-11-27 01:00", "2026-11-26 21:50"),
        (Urgency.U4, "2026-11-26 21:50", None, "2026-11-26 21:50"),
        (Urgency.U3, "2026-11-26 22:10", "2026-11-27 01:00", "2026-11-27 07:00"),
        (Urgency.U1, "2026-11-26 22:10", "2026-11-27 01:00", "2026-11-26 22:10"),
    ],
)
def test_a_reminder_does_not_wait_for_a_digest_that_is_too_late(
    urgency: Urgency, said_at: str, due: str | None, goes_at: str
) -> None:
    limit = None if due is None else moment(due)
    assert reminding(_TABLE, _UNIT, urgency, moment(said_at), limit) == moment(goes_at)


def _said(number: int) -> Said:
    return Said(
        "reminded", {"no": f"20261126-{number:08d}", "told": "反馈时限到期", "place": "朝阳区望京街道"}
    )


def test_one_notice_has_its_own_words() -> None:
    found = words(_TABLE, _SMS, [_said(7)], moment("2026-11-26 10:00"))
    assert found.subject == "催办提醒"
    assert found.text == (
        "【接诉】工单 20261126-00000007 反馈时限到期，未定，朝阳区望京街道，未定，请抓紧办理。"
    )


@pytest.mark.parametrize("count", [2, 3, 40, 500])
def test_a_digest_fits_and_counts_what_has_no_room(count: int) -> None:
    found = words(_TABLE, _SMS, [_said(n) for n in range(count)], moment("2026-11-26 10:00"))
    assert len(found.text) <= _SMS.longest
    head, *lines = found.text.splitlines()
    assert head == f"【接诉】{count} 件："
    shown = [line for line in lines if line.startswith("催办 ")]
    left = [line for line in lines if line.startswith("另有 ")]
    assert left == [f"另有 {count - len(shown)} 件，请登录工作台查看。"] * (count > len(shown))
    assert shown


def test_pauses_double_up_to_the_longest_and_end() -> None:
    row = _TABLE.retry(_DAY)
    found = [pause(row, tried) for tried in range(1, row.attempts + 1)]
    seconds = [None if wait is None else wait.total_seconds() for wait in found]
    assert seconds == [30, 60, 120, 240, 480, 960, 1800, None]


def _happened(tag: Tag, **parts: tuple[str, ...]) -> Happened:
    return Happened(
        no="20261126-00000001", seq=7, tag=tag, kind="NOI-01", district="110105", street="110105026",
        urgency=Urgency.U3, due=moment("2026-12-03 10:00"), told="测试",
        parts={NoticeTo(name): codes for name, codes in parts.items()},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("happened", "told"),
    [
        (
            _happened(Tag.DISPATCHED, lead=("a",), assist=("b",), copy=("c",)),
            {("dispatched", "a"), ("dispatched", "b"), ("copied", "c")},
        ),
        (_happened(Tag.REMINDED, lead=("a",), named=("a", "c")), {("reminded", "a"), ("reminded", "c")}),
        (_happened(Tag.ESCALATE, lead=("a",), called=("d",)), {("called", "d")}),
        (_happened(Tag.SUPERVISE, lead=("a",)), {("supervised", "a"), ("supervised", "110105")}),
        (_happened(Tag.OBJECT_REJECT, lead=("a",), objector=("a",)), {("objection_ruled", "a")}),
        (
            _happened(Tag.ARBITRATE, lead=("b",), objector=("a",)),
            {("dispatched", "b"), ("objection_ruled", "a")},
        ),
        (_happened(Tag.SIGN, lead=("a",)), set()),
    ],
)
def test_whom_an_event_tells(happened: Happened, told: set[tuple[str, str]]) -> None:
    found = notices_of(tables(), happened, _DAY, sees=lambda _unit, _no: True)
    assert {(notice.template, notice.to.id) for notice in found} == told
    assert len({notice.key for notice in found}) == len(found)
    for notice in found:
        assert notice.facts["place"] == "朝阳区望京街道"
        assert notice.facts["due"] == "2026-12-03 10:00"


@pytest.mark.parametrize(
    ("happened", "told"),
    [
        (
            _happened(Tag.DISPATCHED, lead=("a",), assist=("b",), copy=("c",)),
            {("dispatched", "a"), ("dispatched", "b")},
        ),
        (_happened(Tag.SUPERVISE, lead=("a",)), {("supervised", "a")}),
        # What was asked is answered, though the case is another's by now.
        (_happened(Tag.OBJECT_UPHOLD, lead=("c",), objector=("d",)), {("objection_ruled", "d")}),
    ],
)
def test_who_does_not_see_the_case_hears_nothing_of_it(
    happened: Happened, told: set[tuple[str, str]]
) -> None:
    found = notices_of(tables(), happened, _DAY, sees=lambda to, _no: to.id in {"a", "b"})
    assert {(notice.template, notice.to.id) for notice in found} == told
