"""A million made-up tickets, written by the database itself: skewed like real ones, every text invented.

Texts are put together from sentences, sentences from words below; a sentence's search vector is made by our
own tokenizer, and a ticket's is the union of its sentences' (sentences end with 。, so no pair crosses over).
"""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from models.appeals import Source
from models.search import lexemes
from models.vocab import Level

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from triage.rules.rows import Tables

SENTENCES: Final = 6_000


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_PLACES: Final = _words(
    "望京 回龙观 天通苑 方庄 劲松 双井 花家地 上地 清河 亦庄 旧宫 石榴庄 常营 管庄 梨园 "
    "古城 永定路 魏公村 六里桥 角门 "
)
_SPOTS: Final = _words(
    "小区 工地 菜市场 河边 公园东门 地铁站口 学校后墙 底商 停车场 垃圾站 楼顶 地下室 锅炉房 "
    "汽修店 大排档 洗车行 打印店 加油站 物流园 批发市场 "
)
_THINGS: Final = _words(
    "施工噪声 餐饮油烟 刺鼻气味 垃圾堆积 污水横流 渣土遗撒 音响扰民 黑烟 扬尘 焦糊味 喷漆味 "
    "泔水外溢 空调外机轰鸣 水泵振动 狗叫 广告灯刺眼 河水发绿 树木被砍 废电池乱扔 夜间卸货 "
)
_TIMES: Final = _words(
    "每天凌晨 周末早上 从上个月起 最近一周 连续三年 天刚亮 晚上十点以后 一到雨天 夏天开窗时 午休时间 "
)
_EFFECTS: Final = _words(
    "孩子无法入睡 老人头疼 不敢开窗 衣服没法晾 路面全是泥 一下雨就倒灌 整栋楼都受影响 小孩咳嗽不止 "
    "出门要捂着鼻子 苍蝇成群 "
)
_ASKS: Final = _words(
    "请尽快处理 希望给个答复 请到现场看看 盼望有人管 请查明责任单位 反映多次没有结果 请告知处理时限 "
    "希望能够根治 "
)
_RARE: Final = _words("磷化氢 铯一三七 沙尘试验场 蓝藻暴发 铅酸电瓶 石棉瓦 氟利昂 尾矿 沼气池 医疗废液 ")


def sentences(rng: random.Random) -> list[str]:
    """Distinct sentences; the first are drawn most."""
    made: dict[str, None] = {}
    while len(made) < SENTENCES:
        place, spot, number = rng.choice(_PLACES), rng.choice(_SPOTS), rng.randint(1, 400)
        pattern = rng.randrange(5)
        if pattern == 0:
            text = f"{place}{number}号院旁边的{spot}{rng.choice(_TIMES)}{rng.choice(_THINGS)}"
        elif pattern == 1:
            text = f"{rng.choice(_TIMES)}{rng.choice(_THINGS)}，{rng.choice(_EFFECTS)}"
        elif pattern == 2:  # noqa: PLR2004
            text = f"{rng.choice(_EFFECTS)}，{rng.choice(_ASKS)}，{place}{spot}"
        elif pattern == 3:  # noqa: PLR2004
            text = f"{place}{spot}{number}米处{rng.choice(_THINGS)}，{rng.choice(_ASKS)}"
        else:
            text = f"{spot}里{rng.choice(_THINGS)}和{rng.choice(_THINGS)}，{rng.choice(_EFFECTS)}"
        made[text] = None
    found = list(made)
    # Rare words, in sentences from the seldom drawn end.
    for index, word in enumerate(_RARE):
        found[-1 - index * 40] = f"{rng.choice(_PLACES)}疑似有{word}，{rng.choice(_ASKS)}"
    return found


async def fill(
    connection: AsyncConnection, tables: Tables, *, rows: int, now: datetime, seed: int = 1
) -> None:
    """Write `rows` tickets with appeal, reading, units and events, then ANALYZE. The tables must be empty."""
    rng = random.Random(seed)
    indexes = await _drop_indexes(connection)
    await connection.execute(
        sa.text("CREATE UNLOGGED TABLE bench_sentence(id int PRIMARY KEY, text text, words tsvector)")
    )
    await connection.execute(
        sa.text("INSERT INTO bench_sentence VALUES (:id, :text, array_to_tsvector(:words))").bindparams(
            sa.bindparam("words", type_=postgresql.ARRAY(sa.Text))
        ),
        [{"id": i, "text": text, "words": lexemes(text)} for i, text in enumerate(sentences(rng))],
    )
    await _pools(connection, tables)
    source = (
        await connection.execute(
            sa.insert(Source).returning(Source.id), {"key": "bench", "name": "压测", "created_at": now}
        )
    ).scalar_one()
    parameters = {
        "rows": rows,
        "now": now,
        "source": source,
        "sentences": SENTENCES,
        "decision": json.dumps(_decision(), ensure_ascii=False),
        "detail": json.dumps(_detail(), ensure_ascii=False),
        "units": (await connection.execute(sa.text("SELECT count(*) FROM bench_unit"))).scalar_one(),
        "kinds": (await connection.execute(sa.text("SELECT count(*) FROM bench_kind"))).scalar_one(),
    }
    await connection.execute(sa.text(f"SELECT setseed(0.{seed})"))
    for statement in _STATEMENTS:
        await connection.execute(sa.text(statement), parameters)
    for definition in indexes:
        await connection.execute(sa.text(definition))


async def _drop_indexes(connection: AsyncConnection) -> list[str]:
    """Take away what only slows the filling; gives the statements that bring it back."""
    found = (
        await connection.execute(
            sa.text(
                "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema() "
                "AND tablename = 'ticket' AND indexname LIKE 'ix_%'"
            )
        )
    ).all()
    for row in found:
        await connection.execute(sa.text(f'DROP INDEX "{row.indexname}"'))
    return [row.indexdef for row in found]


async def _pools(connection: AsyncConnection, tables: Tables) -> None:
    """What tickets draw from: units that lead, kinds."""
    units = [
        u
        for u in tables.units.values()
        if u.level in {Level.STREET, Level.BUREAU, Level.DISTRICT} and u.district_code
    ]
    await connection.execute(
        sa.text(
            "CREATE UNLOGGED TABLE bench_unit"
            "(n int PRIMARY KEY, code text, level text, district text, street text)"
        )
    )
    await connection.execute(
        sa.text("INSERT INTO bench_unit VALUES (:n, :code, :level, :district, :street)"),
        [
            {
                "n": n,
                "code": u.code,
                "level": u.level.value,
                "district": u.district_code,
                "street": u.street_code,
            }
            for n, u in enumerate(random.Random(3).sample(units, len(units)))
        ],
    )
    await connection.execute(sa.text("CREATE UNLOGGED TABLE bench_kind(n int PRIMARY KEY, code text)"))
    kinds = random.Random(4).sample(sorted(tables.kinds), len(tables.kinds))
    await connection.execute(
        sa.text("INSERT INTO bench_kind VALUES (:n, :code)"),
        [{"n": n, "code": c} for n, c in enumerate(kinds)],
    )


def _decision() -> dict[str, Any]:
    steps = [
        f"第 {n} 步：按派单目录和地点确定承办单位，理由与出处见条目，此处为压测用的等长文字。"
        for n in range(6)
    ]
    due = {
        "at": "2026-11-23T08:00:00+00:00",
        "rule_id": "answer.u3",
        "source": "DB11/T 2021-2022",
        "status": "V",
        "spelled": steps[0],
    }
    return {
        "steps": steps,
        "row_ids": ["r1", "r2", "r3"],
        "sources": ["来源一", "来源二"],
        "review_reasons": [],
        "dispatch_due": due,
        "answer_due": due,
    }


def _detail() -> dict[str, Any]:
    spans = [
        {"head": "kind", "start": n, "end": n + 2, "text": "文字", "value": "NOI-01", "weight": 1.0}
        for n in range(20)
    ]
    return {
        "kinds": [{"code": "NOI-01", "p": 0.8}],
        "place": {},
        "party": None,
        "when": None,
        "review_reasons": [],
        "evidence": spans,
    }


#: One draw per ticket, then the rows from it. random() ^ 3 makes the first of a pool the most frequent.
_STATEMENTS: Final = (
    """
    CREATE UNLOGGED TABLE bench_draw AS
    SELECT g AS id,
      CAST(:now AS timestamptz) - interval '365 days' * (1 - g::float8 / :rows) AS at,
      floor(CAST(:units AS float8) * random() ^ 2)::int AS unit,
      floor(CAST(:kinds AS float8) * random() ^ 2.5)::int AS kind,
      random() AS s, random() AS u, random() AS f,
      floor(CAST(:sentences AS float8) * random() ^ 3)::int AS a,
      floor(CAST(:sentences AS float8) * random() ^ 3)::int AS b,
      floor(CAST(:sentences AS float8) * random() ^ 3)::int AS c,
      floor(CAST(:sentences AS float8) * random())::int AS d
    FROM generate_series(1, CAST(:rows AS int)) g
    """,
    """
    INSERT INTO appeal(id, source_id, external_id, dedupe_key, content_hash, title, text, channel,
      confidential, received_at, stored_at, state, attempts)
    SELECT w.id, :source, 'B-' || w.id, 'x:B-' || w.id, lpad(w.id::text, 64, '0'), NULL,
      a.text || '。' || b.text || '。' || c.text || '。' || d.text || '。', 'phone', false, w.at, w.at,
      'done', 1
    FROM bench_draw w JOIN bench_sentence a ON a.id = w.a JOIN bench_sentence b ON b.id = w.b
      JOIN bench_sentence c ON c.id = w.c JOIN bench_sentence d ON d.id = w.d
    ORDER BY w.id
    """,
    """
    INSERT INTO reading(id, appeal_id, model_version, table_version, created_at, environmental,
      p_environmental, kind, kind_confidence, appeal_type, urgency, place_precision, place_confidence,
      review, detail)
    SELECT id, id, 'bench', 'bench', at, true, 0.9, 'NOI-01', 0.8, '投诉', 'U3', 'street', 0.8, false,
      CAST(:detail AS json)
    FROM bench_draw ORDER BY id
    """,
    """
    INSERT INTO ticket(id, no, appeal_id, reading_id, version, state, level, unit_code, title, environmental,
      kind, appeal_type, urgency, district_code, street_code, flagged, received_at, opened_at,
      dispatched_at, dispatch_by, answer_by, due_at, due_clock, table_version, decision, search)
    SELECT x.id,
      to_char(x.at AT TIME ZONE 'Asia/Shanghai', 'YYYYMMDD') || '-' || lpad(x.id::text, 8, '0'),
      x.id, x.id, 1, x.state,
      x.level, CASE WHEN x.open THEN x.code END, x.title, x.open, CASE WHEN x.open THEN x.kind END,
      '投诉', x.urgency, x.district, x.street, x.open AND x.urgency = 'U1' AND x.f < 0.1,
      x.at, x.at, x.at, NULL, NULL,
      CASE WHEN x.open THEN x.at + CASE x.urgency WHEN 'U1' THEN interval '2 hours' WHEN 'U2' THEN
        interval '24 hours' WHEN 'U3' THEN interval '7 days' ELSE interval '15 days' END END,
      CASE WHEN x.open THEN 'answer' END,
      'bench', CAST(:decision AS json), x.words
    FROM (
      SELECT w.id, w.at, w.f, left(a.text, 40) AS title,
        a.words || b.words || c.words || d.words AS words,
        u.code, u.level, u.district, u.street, k.code AS kind,
        w.s < 0.6 AS open,
        CASE WHEN w.s < 0.04 THEN 'review' WHEN w.s < 0.6 THEN 'dispatched' WHEN w.s < 0.65 THEN 'diverted'
          ELSE 'handed_over' END AS state,
        CASE WHEN w.u < 0.02 THEN 'U1' WHEN w.u < 0.14 THEN 'U2' WHEN w.u < 0.94 THEN 'U3'
          ELSE 'U4' END AS urgency
      FROM bench_draw w JOIN bench_sentence a ON a.id = w.a JOIN bench_sentence b ON b.id = w.b
        JOIN bench_sentence c ON c.id = w.c JOIN bench_sentence d ON d.id = w.d
        JOIN bench_unit u ON u.n = w.unit JOIN bench_kind k ON k.n = w.kind
    ) x ORDER BY x.id
    """,
    """
    INSERT INTO ticket_unit(ticket_id, unit_code, role) SELECT id, unit_code, 'lead' FROM ticket
    WHERE unit_code IS NOT NULL
    """,
    """
    INSERT INTO ticket_event(id, ticket_id, seq, at, tag, data)
    SELECT id * 2 + n, id, n, at, CASE n WHEN 1 THEN 'appeal:received' ELSE 'ticket:dispatched' END, '{}'
    FROM bench_draw, generate_series(1, 2) n ORDER BY id, n
    """,
    "DROP TABLE bench_draw, bench_sentence, bench_unit, bench_kind",
)
