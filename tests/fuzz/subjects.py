"""The parsers there are: each with something sound to begin with, and the ways in which it may refuse."""

from __future__ import annotations

import io
import sqlite3
import tempfile
from datetime import date
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import openpyxl
import orjson
from hypothesis import strategies as st
from multidict import MultiDict

import triage.tables
from connectors import bank_file, file_maps, files
from connectors.hotline import mapping
from connectors.keys import KeyRing, VaultError
from models.finding import Search
from models.search import to_fts5, to_tsquery
from nlp.gazetteer import GazetteerError
from nlp.overlay import OverlayReader
from tests import pictures
from tests.fuzz.mangling import as_json, mangled, mangled_text, mangled_zip, spoiled_object
from tests.fuzz.outside import NOW, OUTSIDE, TEXTS, tables
from tests.fuzz.parsers import Subject
from triage.clock import FixedClock
from triage.commands.lines import each_line
from triage.commands.read import answering
from triage.errors import BadInput
from triage.jobs import load_reader
from triage.rules import building, parsing
from triage.rules.rewards.parsing import reward_table
from triage.services.attachments import FileLimits, FileNotTaken, Prepared, Upload, prepare
from triage.services.staff import importing
from triage.settings import Settings
from triage.web import asking
from triage.web.names import Names, names_of
from triage.web.open311.places import atlas, gazetteer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nlp.pipeline import Reader
    from triage.rules.rows import Problem


def _in_file(name: str, content: bytes, read: Any) -> Any:  # noqa: ANN401  (what the parser gives)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        return read(path)


# Files of complaints.

_CSV: Final = '编号,标题,内容,时间,电话\n1,施工,{},2026-11-23 08:05,13800001111\n2,油烟,"{}",2026/11/24,\n'
_JSONL: Final = {"id": "7", "title": "施工", "text": TEXTS[0], "time": "2026-11-23 08:05"}
_PLAIN: Final = files.load_map("plain")


def workbook() -> bytes:
    """A sound one."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (
        ("编号", "内容", "时间"),
        (1, TEXTS[0], date(2026, 11, 23)),
        (2.5, TEXTS[1], 45990),
    ):
        sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _rows(name: str, content: bytes) -> object:
    return _in_file(name, content, lambda path: list(files.read_file(path, _PLAIN)))


def _guessed(content: bytes) -> object:
    return _in_file("x.csv", content, files.guess_file_map)


# Searches and lists.


@cache
def _index() -> sqlite3.Connection:
    made = sqlite3.connect(":memory:")
    made.execute("CREATE VIRTUAL TABLE words USING fts5(text)")
    return made


def _query(text: str) -> object:
    found = Search.parse(text)
    if found is not None:
        # SQLite itself says whether the query is one.
        _index().execute(
            "SELECT rowid FROM words WHERE words MATCH ?", (to_fts5(list(found.words)),)
        ).fetchall()
        found.confirms(text, None)
    return found, to_tsquery(list(found.words)) if found else None


@cache
def _names() -> Names:
    return names_of(triage.tables.load())


def _address(query: list[tuple[str, str]]) -> object:
    asked = asking.read_strictly(MultiDict(query), _names())
    return asked.parameters()


_PARAMETERS: Final = st.lists(
    st.tuples(st.sampled_from(asking.PARAMETERS),
        mangled_text("1", "open", "W20261126-000012", "A1", "噪声 望京", "overdue",
                     "2026-11-01", "110105026", "phone")),
    max_size=4,
)  # fmt: skip


# `jiesu read`.


@cache
def _reader() -> Reader:
    return load_reader(Settings(nlp_model="lexicon"))


def _read(source: bytes) -> object:
    out = io.BytesIO()
    each_line(io.BufferedReader(io.BytesIO(source)), out, answering(_reader(), tables(), FixedClock(NOW)))
    lines = [orjson.loads(line) for line in out.getvalue().splitlines() if b"\\ud" not in line]
    return len(lines)


_READ: Final = as_json(
    {"id": 1, "title": "施工", "text": TEXTS[0], "caller_area": "朝阳区", "at": "2026-11-23"}
)


def _lines() -> st.SearchStrategy[bytes]:
    line = spoiled_object(orjson.loads(_READ)).map(as_json) | st.builds(
        lambda text: as_json({"text": text}), mangled_text(*TEXTS)
    )
    return st.one_of(st.lists(line, max_size=2).map(b"\n".join), mangled(_READ + b"\n" + _READ))


# Tables, maps, keys.

_FILES: Final = {
    name: (triage.tables.HERE / name).read_text(encoding="utf-8-sig") for name in sorted(parsing.FILES)
}
_REWARDS: Final = {
    path.name: path.read_text(encoding="utf-8") for path in (triage.tables.HERE / "rewards").glob("*.yaml")
}
#: Whole tables are long, so most of what is spoiled would lie in rows alike: a file's beginning is enough.
_HEAD: Final = 4000


def _table(sent: tuple[str, bytes]) -> object:
    name, content = sent
    problems: list[Problem] = []
    parsing.parse({name: content.decode(errors="replace")}, problems)
    return [str(problem) for problem in problems]


def _reward(sent: tuple[str, bytes]) -> object:
    name, content = sent
    problems: list[Problem] = []
    reward_table({**_REWARDS, name: content.decode(errors="replace")}, tables().kinds, problems)
    return [str(problem) for problem in problems]


def _whole_set(sent: tuple[str, bytes]) -> object:
    name, content = sent
    return len(building.build({**_FILES, name: content.decode(errors="replace")}, _REWARDS)[1])


def _named(texts: Mapping[str, str], most: int) -> st.SearchStrategy[tuple[str, bytes]]:
    return st.sampled_from(sorted(texts)).flatmap(
        lambda name: st.tuples(st.just(name), mangled(texts[name][:most].encode()))
    )


_COLUMNS: Final = (Path(mapping.__file__).parents[1] / "maps" / "wide_table.yaml").read_text()
_PLACES: Final = (
    "名称,类型,区,街道,经度,纬度,坐标系\n望京花园,小区,朝阳区,望京街道,116.47,39.99,wgs84\n".encode()
)
_STAFF: Final = "账号,姓名,单位,角色,起,止\nwang,王某,110105026,street,2026-11-01,\n"
_RESULTS: Final = (
    "\ufeff流水号,金额(元),结果,银行流水号,原因\r\nR1,100.00,成功,B1,\r\nR2,50.50,失败,,账号有误\r\n合计,2,150.50\r\n"
).encode()


@cache
def _overlays() -> OverlayReader:
    return OverlayReader(gazetteer(), atlas())


def _places(content: bytes) -> object:
    return _in_file("x.csv", content, lambda path: list(_overlays().read(path)))


# Photos.

_LIMITS: Final = FileLimits(megabytes=1, megapixels=2, files=6)
_PHOTOS: Final = (
    pictures.jpeg(64, 48), pictures.png(32, 20), pictures.webp(), pictures.png_that_lies(1000),
    pictures.png_with_text_bomb(1), b"%PDF-1.4 x", b"\0\0\0\x18ftypheic",
)  # fmt: skip


def _photo(sent: tuple[str, bytes]) -> object:
    made = prepare(Upload(*sent), _LIMITS, pdf=True)
    assert isinstance(made, Prepared)
    return made.name, made.media_type


SUBJECTS: Final = (
    Subject(
        "import-csv",
        mangled(_CSV.format(*TEXTS).encode(), _CSV.format(*TEXTS).encode("gb18030")),
        partial(_rows, "x.csv"),
        (files.FileRefused,),
    ),
    Subject(
        "import-jsonl",
        mangled(as_json(_JSONL)) | spoiled_object(_JSONL).map(as_json),
        partial(_rows, "x.jsonl"),
        (files.FileRefused,),
    ),
    Subject("import-xlsx", mangled_zip(workbook()), partial(_rows, "x.xlsx"), (files.FileRefused,)),
    Subject(
        "import-guess", mangled(_CSV.format(*TEXTS).encode(), as_json(_JSONL)), _guessed, (files.FileRefused,)
    ),
    Subject(
        "import-map", mangled_text(_COLUMNS), partial(file_maps.parse_map, label="x"), (files.FileRefused,)
    ),
    Subject("search-query", mangled_text("望京 噪声", "W20261126-000012", "12", 'a*b "OR" (c)'), _query),
    Subject("list-address", _PARAMETERS, _address, (BadInput,)),
    Subject("read", _lines(), _read),
    Subject("table", _named(_FILES, _HEAD), _table),
    Subject("table-set", _named(_FILES, 1 << 20), _whole_set),
    Subject("table-rewards", _named(_REWARDS, 1 << 20), _reward),
    Subject(
        "places",
        mangled(_PLACES, '{"name": "望京花园", "kind": "小区", "district": "朝阳区"}'.encode()),
        _places,
        (GazetteerError,),
    ),
    Subject(
        "staff",
        mangled_text(_STAFF),
        lambda text: importing.read(text, tables(), now=NOW),
        (importing.BadLines,),
    ),
    Subject("bank-results", mangled(_RESULTS), bank_file.results, (bank_file.BadBankFile,)),
    Subject("photo", st.tuples(mangled_text("现场.jpg"), mangled(*_PHOTOS)), _photo, (FileNotTaken,)),
    Subject(
        "keys",
        mangled_text("1:" + "A" * 43 + "=,2:" + "B" * 43 + "="),
        lambda text: len(KeyRing.parse(text).keys),
        (VaultError,),
    ),
    *OUTSIDE,
)
