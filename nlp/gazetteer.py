"""The gazetteer (地名库) of Beijing: districts, streets, communities and villages, and their names.

The rows are built by `nlp.gazetteer_build` from the package registries; the aliases and override zones
(特殊区域) in `place_aliases.yaml` are ours. Loading is strict: a bad row is refused by file and line.
Codes are the statistical codes: 6 digits for a district, 9 for a street, 12 for a community; a code's
parent is its prefix, so `110101001001` lies in street `110101001` and district `110101`.
"""

from __future__ import annotations

import csv
import hashlib
import re
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

if TYPE_CHECKING:
    from collections.abc import Sequence

LEXICON: Final = Path(__file__).parent / "lexicon"
UNITS_FILE: Final = "gazetteer.csv"
CENTROIDS_FILE: Final = "gazetteer_centroids.csv"
COMMON_FILE: Final = "gazetteer_common.csv"
ELSEWHERE_FILE: Final = "gazetteer_elsewhere.csv"
NAMESAKES_FILE: Final = "gazetteer_namesakes.csv"
SYLLABLES_FILE: Final = "gazetteer_syllables.csv"
ALIASES_FILE: Final = "place_aliases.yaml"
LANDMARKS_FILE: Final = "place_landmarks.yaml"
FILES: Final = (
    LANDMARKS_FILE,
    UNITS_FILE,
    CENTROIDS_FILE,
    COMMON_FILE,
    ELSEWHERE_FILE,
    NAMESAKES_FILE,
    SYLLABLES_FILE,
    ALIASES_FILE,
)

UNIT_COLUMNS: Final = ("code", "name", "short", "kind", "statutory")
CENTROID_COLUMNS: Final = ("code", "name", "lon", "lat", "anchors")
COMMON_COLUMNS: Final = ("stem", "docs_elsewhere", "word_freq")
ELSEWHERE_COLUMNS: Final = ("name",)
SYLLABLE_COLUMNS: Final = ("syllable", "characters")
NAMESAKE_COLUMNS: Final = ("stem", "units_elsewhere")

DISTRICT: Final = 6
STREET: Final = 9
COMMUNITY: Final = 12
LEVELS: Final = (DISTRICT, STREET, COMMUNITY)

ALIAS_SECTIONS: Final = frozenset({"aliases", "names", "zones", "not_places"})
#: The kind of a name that everybody knows (国贸): it says its district.
KNOWN: Final = "known"
HEADER: Final = re.compile(r"# (?P<what>.+); rows: (?P<rows>\d+); sha256: (?P<sha>[0-9a-f]{64})")
STREET_SUFFIX: Final = re.compile(r"(?:街道|地区|镇|回族乡|满族乡|乡)$")
COOPERATIVE: Final = re.compile(r"(?:.+?\(集团\))?(?P<own>.*?)股份经济合作社(?P<part>.*?)生活区$")
ORDINAL: Final = re.compile(r"第(?=[1-9十])")
TENS: Final = re.compile(r"(?P<tens>[1-9]?)十(?P<ones>[1-9]?)")

#: One character for one character, so that offsets in the folded text are offsets in the text itself.
FOLD: Final = str.maketrans(
    {
        **{chr(code): chr(code - 0xFEE0).upper() for code in range(0xFF01, 0xFF5F)},
        **{chr(code): chr(code - 32) for code in range(ord("a"), ord("z") + 1)},
        **dict(zip("一二三四五六七八九〇零", "12345678900", strict=True)),
        **dict(zip("壹贰叁肆伍陆柒捌玖", "123456789", strict=True)),
        **dict(
            zip(
                "區東陽豐臺門頭溝順義興懷樓園莊鎮鄉橋營馬龍關縣號灣",
                "区东阳丰台门头沟顺义兴怀楼园庄镇乡桥营马龙关县号湾",
                strict=True,
            )
        ),
        **dict(zip("①②③④⑤⑥⑦⑧⑨", "123456789", strict=True)),
        **dict(zip("ⅠⅡⅢⅣⅤⅥⅦⅧⅨ", "123456789", strict=True)),
        "\u3000": " ",
        "\u00a0": " ",
    }
)


_FOLDED: Final = {chr(code): to for code, to in FOLD.items()}
_TO_FOLD: Final = re.compile(f"[{re.escape(''.join(_FOLDED))}]")


def _fold_one(match: re.Match[str]) -> str:
    return _FOLDED[match[0]]


def fold(text: str) -> str:
    """Level full-width forms, case, digits and traditional forms; the text keeps its length."""
    return _TO_FOLD.sub(_fold_one, text)  # half the time of str.translate: few characters change


class GazetteerError(ValueError):
    """地名库文件有误。The message names the file and the line."""


@dataclass(frozen=True, slots=True)
class Place:
    """One unit: `name` is official, `short` is the name without its kind of unit (街道, 社区居委会 …)."""

    code: str
    name: str
    short: str
    kind: str
    statutory: bool

    @property
    def level(self) -> int:
        """Length of the code: DISTRICT, STREET or COMMUNITY."""
        return len(self.code)


@dataclass(frozen=True, slots=True)
class PlaceName:
    """One spelling of a place. This is also how an overlay (compounds, roads, landmarks) adds names.

    `code` is the unit the name stands for or lies in; `alias` marks a spelling that is not the unit's own
    short name; `whole` marks a name that takes no suffix (a zone, 经开区); lon and lat (WGS-84 degrees) are
    given where the name is a point of its own. `kind` is the place's own: 社区, 村, 街道, or an overlay's
    compound, road, stop …; `trust` is the probability that an overlay's code is right,
    `common` that its name is made of plain words.
    """

    text: str
    code: str
    kind: str = ""
    alias: bool = False
    whole: bool = False
    lon: float | None = None
    lat: float | None = None
    trust: float = 1.0
    common: bool = False


@dataclass(frozen=True, slots=True)
class Gazetteer:
    """All places, the names they go by, and what the names are worth."""

    places: dict[str, Place]
    names: tuple[PlaceName, ...]
    centroids: dict[str, tuple[float, float]]
    common: frozenset[str]
    elsewhere: frozenset[str]
    #: stem → how many streets and communities of other provinces bear it; none when it is not there
    namesakes: dict[str, int]
    #: character → its syllable without tone
    sounds: dict[str, str]
    not_places: frozenset[str]
    version: str

    @classmethod
    def load(cls, folder: Path = LEXICON) -> Gazetteer:
        """Read the eight files of `folder`. Raises GazetteerError, naming file and line, on any bad row."""
        places = load_places(folder / UNITS_FILE)
        names = [name for place in places.values() for name in spellings(place)]
        aliases, not_places = load_aliases(folder / ALIASES_FILE, places)
        names += [*aliases, *load_landmarks(folder / LANDMARKS_FILE, places)]
        centroids = load_centroids(folder / CENTROIDS_FILE, places)
        common = frozenset(fold(row[0]) for _, row in read_table(folder / COMMON_FILE, COMMON_COLUMNS))
        elsewhere = frozenset(row[0] for _, row in read_table(folder / ELSEWHERE_FILE, ELSEWHERE_COLUMNS))
        namesakes = load_namesakes(folder / NAMESAKES_FILE)
        sounds = {
            sign: sound
            for _, (sound, signs) in read_table(folder / SYLLABLES_FILE, SYLLABLE_COLUMNS)
            for sign in signs
        }
        digest = hashlib.sha256()
        for file in FILES:
            digest.update((folder / file).read_bytes())
        return cls(
            places=places,
            names=tuple(dict.fromkeys(names)),
            centroids=centroids,
            common=common,
            elsewhere=elsewhere,
            namesakes=namesakes,
            sounds=sounds,
            not_places=not_places,
            version=f"gazetteer-{digest.hexdigest()[:12]}",
        )


def read_table(path: Path, columns: tuple[str, ...]) -> list[tuple[int, list[str]]]:
    """Give (line number, fields) of every row of a built csv, after checking its header and checksum.

    Raises GazetteerError when the file is missing, was edited by hand, or a row has the wrong width.
    """
    try:
        content = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise GazetteerError(f"{path.name}: cannot be read: {fault}") from fault
    first, _, body = content.partition("\n")
    header = HEADER.fullmatch(first)
    if header is None:
        raise GazetteerError(f"{path.name}, line 1: expected '# …; rows: N; sha256: …'")
    if hashlib.sha256(body.encode()).hexdigest() != header["sha"]:
        raise GazetteerError(
            f"{path.name}, line 1: checksum differs; rebuild the file, do not edit it by hand"
        )
    rows = list(enumerate(csv.reader(body.removesuffix("\n").split("\n")), start=2))
    if not rows or tuple(rows[0][1]) != columns:
        raise GazetteerError(f"{path.name}, line 2: columns must be {','.join(columns)}")
    for line, row in rows:
        if len(row) != len(columns) or not row[0]:
            raise GazetteerError(
                f"{path.name}, line {line}: {len(columns)} fields expected, the first filled"
            )
    if len(rows) - 1 != int(header["rows"]):
        raise GazetteerError(f"{path.name}, line 1: {header['rows']} rows promised, {len(rows) - 1} found")
    return rows[1:]


def write_table(path: Path, what: str, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    """Write a built csv that `read_table` accepts; `what` says the origin on one line, without '; rows:'.

    Raises GazetteerError when a field would need quoting.
    """
    for row in rows:
        if any(mark in value for value in row for mark in ',"\n'):
            raise GazetteerError(f"{path.name}: {row[0]}: a field holds a comma, a quote or a line end")
    lines = [",".join(columns), *(",".join(row) for row in rows)]
    body = "\n".join(lines) + "\n"
    sha = hashlib.sha256(body.encode()).hexdigest()
    path.write_text(f"# {what}; rows: {len(rows)}; sha256: {sha}\n{body}", encoding="utf-8")


def load_places(path: Path) -> dict[str, Place]:
    """Read the units by code, parents before children. Raises GazetteerError by line."""
    places: dict[str, Place] = {}
    for line, (code, name, short, kind, statutory) in read_table(path, UNIT_COLUMNS):
        where = f"{path.name}, line {line}"
        if not (code.isascii() and code.isdigit()) or len(code) not in LEVELS or code in places:
            raise GazetteerError(f"{where}: code {code!r} is not a new code of 6, 9 or 12 digits")
        if len(code) > DISTRICT and code[:-3] not in places:
            raise GazetteerError(f"{where}: parent {code[:-3]} of {code} has not come before it")
        if not name or not short or statutory not in {"0", "1"}:
            raise GazetteerError(f"{where}: name and short must be filled, statutory must be 0 or 1")
        places[code] = Place(code, name, short, kind, statutory == "1")
    return places


def load_centroids(path: Path, places: dict[str, Place]) -> dict[str, tuple[float, float]]:
    """Read approximate street centres, (lon, lat) in WGS-84 degrees. Raises GazetteerError by line."""
    centroids: dict[str, tuple[float, float]] = {}
    for line, (code, _, lon, lat, _) in read_table(path, CENTROID_COLUMNS):
        try:
            point = (float(lon), float(lat))
        except ValueError as fault:
            raise GazetteerError(f"{path.name}, line {line}: lon or lat is not a number: {fault}") from fault
        if code not in places:
            raise GazetteerError(f"{path.name}, line {line}: {code} is no unit of {UNITS_FILE}")
        centroids[code] = point
    return centroids


def load_namesakes(path: Path) -> dict[str, int]:
    """Read how many units of other provinces bear a stem. Raises GazetteerError by line."""
    counts: dict[str, int] = {}
    for line, (stem, units) in read_table(path, NAMESAKE_COLUMNS):
        if not (units.isascii() and units.isdigit()):
            raise GazetteerError(f"{path.name}, line {line}: units_elsewhere {units!r} is not a count")
        counts[stem] = int(units)
    return counts


def load_aliases(path: Path, places: dict[str, Place]) -> tuple[list[PlaceName], frozenset[str]]:
    """Read our aliases and override zones, and the words that hold a name but are no place.

    Raises GazetteerError naming the section and the code, zone or word that is wrong.
    """
    try:
        table: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as fault:
        raise GazetteerError(f"{path.name}: cannot be read: {fault}") from fault
    if not isinstance(table, dict) or set(table) != ALIAS_SECTIONS:
        raise GazetteerError(f"{path.name}: expected the keys {', '.join(sorted(ALIAS_SECTIONS))}")
    names: list[PlaceName] = []
    for section, whole in (("aliases", False), ("names", True)):
        for code, texts in table[section].items():
            names += [_alias(path, section, str(code), text, places, whole=whole) for text in texts]
    for at, zone in enumerate(table["zones"], start=1):
        if not isinstance(zone, dict) or set(zone) != {"zone", "code", "texts", "source"}:
            raise GazetteerError(f"{path.name}: zones, entry {at}: expected zone, code, texts, source")
        names += [
            _alias(path, "zones", str(zone["code"]), text, places, whole=True) for text in zone["texts"]
        ]
    words = table["not_places"]
    for word in words:
        if not isinstance(word, str) or len(word) < 2:  # noqa: PLR2004 - as for a name
            raise GazetteerError(f"{path.name}: not_places: {word!r} is not a word of two characters or more")
    return names, frozenset(map(fold, words))


def load_landmarks(path: Path, places: dict[str, Place]) -> list[PlaceName]:
    """Read what everybody calls by name, by the code of its unit. Raises GazetteerError naming the name."""
    try:
        table: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        listed = [(str(code), text) for code, texts in table["landmarks"].items() for text in texts]
    except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError, AttributeError) as fault:
        raise GazetteerError(f"{path.name}: cannot be read: {fault!r}") from fault
    names = [_alias(path, "landmarks", code, text, places, whole=True) for code, text in listed]
    return [replace(name, kind=KNOWN) for name in names]


def _alias(
    path: Path, section: str, code: str, text: object, places: dict[str, Place], *, whole: bool
) -> PlaceName:
    """Make one alias after checking its code and text."""
    if code not in places:
        raise GazetteerError(f"{path.name}: {section}: {code} is no unit of {UNITS_FILE}")
    if not isinstance(text, str) or len(text) < 2:  # noqa: PLR2004 - one character names no place
        raise GazetteerError(
            f"{path.name}: {section}: {code}: {text!r} is not a name of two characters or more"
        )
    return PlaceName(fold(text), code, places[code].kind, alias=True, whole=whole)


def spellings(place: Place) -> list[PlaceName]:
    """All stems a unit is called by, folded: its short name and the variants citizens write.

    Suffixes (街道, 镇, 小区, 村 …) are not spelled out: the matcher reads them after the stem.
    """
    short = fold(place.short)
    names = [PlaceName(short, place.code, place.kind)]
    if place.level == COMMUNITY:
        names += [PlaceName(text, place.code, place.kind, alias=True) for text in _community_variants(short)]
    for name in tuple(names):
        arabic = TENS.sub(_tens, name.text)
        if arabic != name.text and len(arabic) > 1:
            names.append(PlaceName(arabic, place.code, place.kind, alias=name.alias))
    return [name for name in names if len(name.text) > 1]


def _tens(match: re.Match[str]) -> str:
    """十二 → 12, 二十 → 20 (the ones are digits already, see FOLD)."""
    return f"{match['tens'] or 1}{match['ones'] or 0}"


def _community_variants(short: str) -> list[str]:
    """Other stems of a community: without 第, without 村, without brackets, a cooperative's own village."""
    variants = []
    cooperative = COOPERATIVE.fullmatch(short)
    if cooperative:
        variants.append(cooperative["part"] or cooperative["own"])
    if ORDINAL.search(short):
        plain = ORDINAL.sub("", short)
        variants += [plain, f"{plain}区"] if plain[-1].isdigit() else [plain]
    for stem in (short, *variants):
        if stem.endswith("村") and len(stem) > 2:  # noqa: PLR2004 - a stem keeps two characters
            variants.append(stem[:-1])
    if "(" in short:
        variants.append(re.sub(r"\(.*?\)", "", short))
    return [stem for stem in dict.fromkeys(variants) if len(stem) > 1 and stem != short]


class NameTable:
    """Names grouped by their text, for one automaton."""

    def __init__(self, gazetteer: Gazetteer, extra: tuple[PlaceName, ...] = ()) -> None:
        self.gazetteer = gazetteer
        self.by_text: dict[str, list[PlaceName]] = {}
        for name in (*gazetteer.names, *extra):
            self.by_text.setdefault(name.text, []).append(name)
        self._share_villages()
        self._share_street_names()

    def _share_villages(self) -> None:
        """辛庄村 is written for 辛庄村村委会 and for 辛庄村委会 alike: the longer text knows both."""
        for text, names in self.by_text.items():
            if text.endswith("村"):
                known = {name.code for name in names}
                names += [
                    name
                    for name in self.by_text.get(text[:-1], ())
                    if len(name.code) == COMMUNITY and name.code not in known
                ]

    def _share_street_names(self) -> None:
        """张山营镇 is first of all the township, although 张山营镇社区 exists too."""
        for place in self.gazetteer.places.values():
            text = fold(place.short)
            stem = STREET_SUFFIX.sub("", text)
            if place.level != COMMUNITY or stem == text:
                continue
            parent = self.gazetteer.places[place.code[:STREET]]
            if stem == fold(parent.short):
                self.by_text[text].append(PlaceName(text, parent.code, parent.kind))

    @cached_property
    def foreign(self) -> frozenset[str]:
        """Provinces, cities and counties elsewhere whose name no place of Beijing shares (朝阳区)."""
        own = {fold(place.name) for place in self.gazetteer.places.values()} | self.by_text.keys()
        return frozenset(name for name in map(fold, self.gazetteer.elsewhere) if name not in own)
