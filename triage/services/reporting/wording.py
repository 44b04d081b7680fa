"""The sentences of a report, as templates over its facts: a sentence stands only with all its figures.

Nothing here knows a number. `strange_numbers` finds numbers in a text that no figure shows: a draft has
none, and an edited text with one is not signed.
"""

from __future__ import annotations

import string
from typing import TYPE_CHECKING, Any, Final

from models.vocab_reports import ReportKind
from models.vocab_trends import SignalKind
from triage.services.reporting import noticed
from triage.services.reporting.figuring import NAMED, RISERS, TOPICS
from triage.services.reporting.known import numbers_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from triage.services.reporting.known import Known
    from triage.services.reporting.periods import Period

_SIGNAL: Final = {
    SignalKind.BURST: "，一天{{{0}_n}}件，推算应为{{{0}_expected}}件。",
    SignalKind.RISING: "，四周{{{0}_n}}件，推算应为{{{0}_expected}}件。",
    SignalKind.HOT_GRID: "，一个一公里网格{{{0}_days}}天{{{0}_n}}件，此前的基期{{{0}_before}}件。",
    SignalKind.HOT_COMMUNITY: "，一个社区{{{0}_days}}天{{{0}_n}}件，此前的基期{{{0}_before}}件。",
    SignalKind.CHRONIC: "，同一地点由远到近各段分别{{{0}_windows}}件，共{{{0}_n}}件。",
}
#: Headings and their sentences, in the order such offices use.
SECTIONS: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    (
        "总体情况",
        (
            "本期共收到诉求{demands}件，形成工单{cases}件，其中并入其他工单的重复诉求{merged}件。",
            "与上期{before}件相比，{turn}{change}件，幅度{change_share}。",
            "截至统计时，办理中和待审核{open}件，回访已解决{solved}件，回访未解决{unsolved}件。",
            "诉求来源以{channel}为主，共{channel_n}件。",
            "已识别语气的{mood_read}件中，负面占{negative_share}，激烈的{angry}件，占{angry_share}。",
            "上期激烈占{angry_share_before}，本期占{angry_share}。",
        ),
    ),
    (
        "分类情况",
        (
            "诉求最多的是{kind_1}，{kind_1_n}件，占{kind_1_share}。",
            *(
                f"{{kind_{at}}}{{kind_{at}_n}}件，占{{kind_{at}_share}}，未办结{{kind_{at}_open}}件。"
                for at in range(2, NAMED + 1)
            ),
        ),
    ),
    (
        "区域情况",
        (
            "诉求最多的是{district_1}，{district_1_n}件，占{district_1_share}。",
            *(
                f"{{district_{at}}}{{district_{at}_n}}件，占{{district_{at}_share}}，"
                f"未办结{{district_{at}_open}}件。"
                for at in range(2, NAMED + 1)
            ),
        ),
    ),
    (
        "同比情况",
        (
            "去年同期{season_n}件，本期{season_turn}{season_more}件，幅度{season_share}。",
            *(
                f"{{season_{of}_{at}}}较去年同期增加{{season_{of}_{at}_more}}件，达到{{season_{of}_{at}_n}}件。"
                for of in ("kind", "district")
                for at in range(1, RISERS + 1)
            ),
        ),
    ),
    (
        "三率情况",
        (
            "本月考核{assessed}件，其中响应率计入{response_n}件，为{response_share}。",
            "解决率计入{resolution_n}件，为{resolution_share}；满意率计入{satisfaction_n}件，为{satisfaction_share}。",
            "按汇总口径，回访中答复是否解决的{asked}件，解决的占{solved_share}。",
            "按汇总口径，回访到的{reached}件中，满意和基本满意占{satisfied_share}。",
        ),
    ),
    (
        "突出问题",
        (
            *(
                f"{{rise_kind_{at}}}较上期增加{{rise_kind_{at}_more}}件，达到{{rise_kind_{at}_n}}件。"
                for at in range(1, RISERS + 1)
            ),
            *(
                f"近{{topic_days}}天内容相近的诉求集中在“{{topic_{at}}}”，共{{topic_{at}_n}}件，"
                f"未办结{{topic_{at}_open}}件。"
                for at in range(1, TOPICS + 1)
            ),
        ),
    ),
    (
        "态势信号",
        (
            "本期新提出信号{signals_n}条，已采纳{signals_acknowledged_n}条，已排除{signals_dismissed_n}条，待研判{signals_new_n}条。",
            f"其中{'、'.join(f'{what.label}{{signals_{what.value}_n}}条' for what in SignalKind)}。",
            *(
                f"{what.label}：{{{what.value}_{at}}}{_SIGNAL[what].format(f'{what.value}_{at}')}"
                for what in SignalKind
                for at in range(1, noticed.NAMED + 1)
            ),
        ),
    ),
    (
        "下步建议",
        (
            "建议针对较上期增加{rise_kind_1_more}件的{rise_kind_1}，组织主管部门会商。",
            "建议对较上期增加{rise_district_1_more}件的{rise_district_1}加强督促。",
            "建议对回访未解决的{again_n}件逐件复核。",
            "建议对“{topic_1}”的{topic_1_n}件诉求合并研判，一并处置。",
        ),
    ),
)


def drafted(facts: Mapping[str, str]) -> list[dict[str, Any]]:
    """Headings with the sentences whose every figure is there; a heading without any is left out."""
    sections = []
    for heading, templates in SECTIONS:
        said = [_said(template, facts) for template in templates]
        sentences = [sentence for sentence in said if sentence is not None]
        if sentences:
            sections.append({"heading": heading, "sentences": sentences})
    return sections


def _said(template: str, facts: Mapping[str, str]) -> str | None:
    if any(key not in facts for key in keys_of(template)):
        return None
    return template.format_map(facts)


def keys_of(template: str) -> list[str]:
    """The facts that a sentence needs."""
    return [name for _, name, _, _ in string.Formatter().parse(template) if name]


def title_of(period: Period) -> str:
    """The title of a report."""
    what = {
        ReportKind.DAILY: "每日快报", ReportKind.WEEKLY: "每周分析", ReportKind.MONTHLY: "月度分析报告"
    }[period.kind]  # fmt: skip
    return f"{period.spelled}生态环境诉求{what}"


def strange_numbers(sections: Sequence[Mapping[str, Any]], known: Known) -> list[str]:
    """Numbers that the text names and nothing that is known shows, in order."""
    said = (text for section in sections for text in (section["heading"], *section["sentences"]))
    return list(dict.fromkeys(number for sentence in said for number in known.strange(sentence)))


def numberless(sections: Sequence[Mapping[str, Any]]) -> list[str]:
    """Sentences without any number."""
    return [s for section in sections for s in section["sentences"] if not numbers_of(s)]
