"""How people spell an address: labelled rows with their place rewritten, to measure and to calibrate."""

from __future__ import annotations

import hashlib
import random
import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from nlp.gazetteer import Gazetteer

Row = dict[str, Any]

SUFFIX: Final = re.compile(r"(街道|地区|镇|(?:满族|回族)?乡)(?=$|[^道区])")
TO_ARABIC: Final = str.maketrans("一二三四五六七八九", "123456789")
TO_FORMAL: Final = str.maketrans("一二三四五六七八九123456789", "壹贰叁肆伍陆柒捌玖" * 2)
CITY: Final = re.compile(r"^北京市?")


def _no_district_suffix(place: str, row: Row) -> str:
    return place.replace(row["district"], row["district"].removesuffix("区"), 1)


def _no_district(place: str, row: Row) -> str:
    return CITY.sub("", place).replace(row["district"], "", 1)


def _no_street(place: str, row: Row) -> str:
    return place.replace(row["street"], "", 1) if row["community"] and row["street"] else place


def _community_alone(place: str, row: Row) -> str:
    return _no_street(_no_district(place, row), row)


def _other_suffix(place: str, row: Row) -> str:
    street = row["street"]
    if not street or street not in place:
        return place
    match = SUFFIX.search(street)
    other = {"街道": "街道办事处", "地区": "镇", "镇": "地区办事处"}.get(match[0], "镇") if match else ""
    return place.replace(street, SUFFIX.sub(other, street), 1)


def _no_suffix(place: str, row: Row) -> str:
    street = row["street"]
    return place.replace(street, SUFFIX.sub("", street), 1) if street and row["community"] else place


def _comma(place: str, row: Row) -> str:
    return place.replace(row["district"], f"{row['district']}，", 1)


def _full_width(place: str, _: Row) -> str:
    digits = place.translate(TO_ARABIC)
    return "".join(chr(ord(sign) + 0xFEE0) if sign.isascii() and sign.isalnum() else sign for sign in digits)


VARIANTS: Final[dict[str, Callable[[str, Row], str]]] = {
    "no_district_suffix": _no_district_suffix,
    "no_district": _no_district,
    "no_street": _no_street,
    "community_alone": _community_alone,
    "other_suffix": _other_suffix,
    "no_suffix": _no_suffix,
    "comma": _comma,
    "arabic": lambda place, _: place.translate(TO_ARABIC),
    "formal": lambda place, _: place.translate(TO_FORMAL),
    "full_width": _full_width,
}


def rewritten(rows: list[Row], name: str) -> list[Row]:
    """The rows whose place this variant changes, with it rewritten in title and text."""
    found = []
    for row in rows:
        place = row["place"]
        new = VARIANTS[name](place, row)
        if new and new != place and place in row["text"]:
            title = row["title"].replace(place, new) if row["title"] else None
            found.append({**row, "title": title, "text": row["text"].replace(place, new), "place": new})
    return found


def misspelt(rows: list[Row], alike: dict[str, list[str]], seed: int = 1) -> list[Row]:
    """The rows with one character of the finest name of three or more replaced by one that sounds alike."""
    found, rng = [], random.Random(seed)
    for row in rows:
        place, street = row["place"], row["street"] or ""
        if not street:
            continue
        unit = SUFFIX.sub("", street) if row["precision"] == "street" else place.rpartition(street)[2]
        unit = unit.removesuffix("社区").removesuffix("小区").removesuffix("村")
        unit = unit.replace(row["district"], "")
        spots = [at for at, sign in enumerate(unit) if alike.get(sign)]
        if len(unit) < 3 or not spots or unit not in place or place not in row["text"]:  # noqa: PLR2004
            continue
        at = rng.choice(spots)
        new = place.replace(unit, unit[:at] + rng.choice(alike[unit[at]]) + unit[at + 1 :], 1)
        found.append({**row, "text": row["text"].replace(place, new), "title": None, "place": new})
    return found


def sounding_alike(gazetteer: Gazetteer) -> dict[str, list[str]]:
    """Character → others of its syllable."""
    by_sound: dict[str, list[str]] = {}
    for sign, sound in gazetteer.sounds.items():
        by_sound.setdefault(sound, []).append(sign)
    return {
        sign: [other for other in by_sound[sound] if other != sign][:12]
        for sign, sound in gazetteer.sounds.items()
    }


def second_half(row: Row) -> bool:
    """Whether a row is kept for testing: by a hash of its id, so that it never changes sides."""
    return bool(int(hashlib.sha256(str(row.get("id")).encode()).hexdigest(), 16) % 2)
