"""The 60 hardest failures of the place reader, as a page: ids and units, no text of a citizen.

`python -m bench.place_failures` prints them as JSON lines and writes nothing; `--page docs/place-failures.md`
writes the page. Hardest first: a wrong place before one that is not given, the surer the harder; then what is
not given, the lowest probability first. In order: the labelled rows as they are, labelled letters, texts of
other cities that are given a district of Beijing (`OTHERS` of them), and the labelled rows spelled in other
ways, each row once, from the plainest spelling at which it fails.

Why each fails was told by a person who read the text: `place_failures.jsonl` (set, id, way, cause). A failure
nobody has read yet says so; a cause of one that is mended is passed over.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bench.nlp_places import DATA, LABELS, LEVELS, read_all, rows
from bench.place_variants import VARIANTS, misspelt, rewritten, sounding_alike
from nlp.places import PlaceReader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nlp.types import PlaceReading

Row = dict[str, Any]

CAUSES_FILE: Final = Path(__file__).with_name("place_failures.jsonl")
MOST: Final = 60
#: Of texts of other cities, so many: the surest.
OTHERS: Final = 12
PLAIN: Final = "plain"
NOT_READ: Final = "not read yet"

HEAD: Final = """
# The 60 hardest places

Where the reader of places fails, by cause: ids of public texts and units, no words of citizens. Made by
`python -m bench.place_failures --page docs/place-failures.md` with the registry gazetteer and our
landmarks only (no overlay). Causes were labelled by reading each text (`bench/place_failures.jsonl`),
by one reader, who also works on the rules.

In this order: the labelled rows as they are, asked to the finest unit that is labelled; the letters
whose district we labelled; the surest of the texts of other cities that are given a district of Beijing
(none of the 438 that are labelled as naming no place is); then the labelled rows spelled in other ways,
asked to the street, each row once, from the first spelling at which it fails. Within each: a wrong
place, the surest first; then no place, the most doubted first; then a coarser one that is right. `sure`
is the probability of what was given, or of the best candidate that was not.
"""

#: cause → (in words, what would mend it)
CAUSES: Final = {
    "namesakes": (
        "one name, several villages or communities of Beijing",
        "nothing in the text: the caller's area, or a person, whose pick is learned",
    ),
    "twin": (
        "a village and a neighbourhood of one name in one street",
        "nothing in the text; the street is given, and a unit of it is the same",
    ),
    "own_street": (
        "a community named like the street it lies in",
        "nothing in the text; the street is given",
    ),
    "like_street": (
        "a community named like another street",
        "the place as a site's own name (`gazetteer import`)",
    ),
    "cut_town": (
        "the town's name cut to one character",
        "one character right before a village that lies in such a town as that town; not tried",
    ),
    "cut_name": (
        "a community's name without the 北京 it begins with",
        "such names cut, with counts of their namesakes elsewhere; not built (师范大学 would be one)",
    ),
    "no_list": (
        "a stop, road or sight that no list of ours has",
        "an overlay that has it, or a landmark of ours",
    ),
    "short": (
        "a name of two characters, or a common word, with no unit beside it",
        "a suffix or a unit in the text; a lower threshold costs false places",
    ),
    "district_word": (
        "a district's bare name, which is also a word or a name elsewhere",
        "knowing that every text is Beijing's: a lower `JIESU_PLACE_ABSTAIN` where that is so",
    ),
    "family": (
        "the common beginning of numbered communities (X for X二区, X三区)",
        "such beginnings as names, with counts of their namesakes elsewhere; not built",
    ),
    "bearer": (
        "the place is meant that a community of another district is named after",
        "the place itself as a landmark or a site's own name",
    ),
    "other_named": (
        "another place of the text is named more outright than where it happens",
        "reading what is asked for, not only what is named; not tried",
    ),
    "elsewhere": (
        "a compound, village or shop of another city bears the name",
        "the other city's places beside it; does not come to a hotline of Beijing",
    ),
    "in_passing": (
        "a sight of Beijing is spoken of in passing",
        "the other city's places beside it",
    ),
    "general": (
        "a general word that is also a name of ours (经开区, 城市副中心)",
        "the other city's places beside it; does not come to a hotline of Beijing",
    ),
    "nearly": (
        "a name of another city that differs from one of ours in one character",
        "a list of the other city's compounds",
    ),
    "rest": (
        "a misspelt name whose rest is another name (X良各庄 for 北良各庄)",
        "a unit right before it (then the longer name is looked for); without one, nothing in the text",
    ),
    "run_together": (
        "a street without its suffix run together with a community, which spells a third name",
        "nothing in the text",
    ),
}


@dataclass(frozen=True, slots=True)
class Failure:
    """A text that is read wrong: `asked` and `given` are units by name, empty for none."""

    dataset: str
    id: str
    way: str
    level: str
    asked: str
    given: str
    confidence: float

    @property
    def key(self) -> tuple[str, str, str]:
        """What its cause is kept by."""
        return self.dataset, self.id, self.way

    @property
    def hardness(self) -> tuple[int, float]:
        """A wrong place, the surest first; then none, the most doubted first; then one only coarser."""
        if not self.given:
            return 1, self.confidence
        return (2, self.confidence) if self.asked.startswith(self.given) else (0, -self.confidence)


def of_labelled(
    dataset: str, way: str, data: list[Row], readings: list[PlaceReading], *, upto: tuple[str, ...] = LEVELS
) -> Iterator[Failure]:
    """Rows whose finest labelled unit among some levels is not given, or another one is."""
    for row, reading in zip(data, readings, strict=True):
        level = next(level for level in reversed(upto) if row[level])
        levels = LEVELS[: LEVELS.index(level) + 1]
        asked = [row[name] or "" for name in levels]
        given = [getattr(reading, name) or "" for name in levels]
        if given != asked:
            yield Failure(dataset, row["id"], way, level, "".join(asked), "".join(given), _sure(reading))


def of_letters(reader: PlaceReader, data: list[Row], readings: list[PlaceReading]) -> Iterator[Failure]:
    """Letters whose labelled district is not given, or another one is, also where none is labelled."""
    labels = {row["id"]: row["district_code"] for row in rows(LABELS)}
    for row, reading in zip(data, readings, strict=True):
        if row["id"] in labels and reading.district_code != labels[row["id"]]:
            asked = reader.full_names.get(labels[row["id"]] or "", "")
            yield Failure(
                "letters", row["id"], PLAIN, "district", asked, reading.district or "", _sure(reading)
            )


def of_others(name: str, readings: list[PlaceReading]) -> Iterator[Failure]:
    """Texts of another city that are given a district of Beijing."""
    for line, reading in enumerate(readings, start=1):
        if reading.district:
            given = f"{reading.district}{reading.street or ''}{reading.community or ''}"
            yield Failure(name, f"line {line}", PLAIN, "none", "", given, reading.confidence)


def _sure(reading: PlaceReading) -> float:
    """How sure it was of what it gave, or of the best that it did not give."""
    if reading.district:
        return reading.confidence
    return max((item.confidence for item in reading.candidates), default=0.0)


def hardest(reader: PlaceReader, data: Path) -> list[Failure]:
    """The failures of the page, from the public texts in a folder."""
    labelled = rows(data / "beijing" / "transplant_dev.jsonl")
    found = sorted(of_labelled("transplant_dev", PLAIN, labelled, read_all(reader, labelled)), key=_hardest)
    letters = rows(data / "beijing" / "letters.jsonl")
    found += sorted(of_letters(reader, letters, read_all(reader, letters)), key=_hardest)
    others: list[Failure] = []
    for path in sorted((data / "hotline").glob("*.jsonl")):
        others += of_others(path.stem, read_all(reader, rows(path)))
    found += sorted(others, key=_hardest)[:OTHERS]
    seen = {failure.id for failure in found if failure.dataset == "transplant_dev"}
    respelt: list[Failure] = []
    ways = {name: rewritten(labelled, name) for name in VARIANTS}
    ways["misspelt"] = misspelt(labelled, sounding_alike(reader.gazetteer))
    for way, spelt in ways.items():
        for failure in of_labelled("transplant_dev", way, spelt, read_all(reader, spelt), upto=LEVELS[:2]):
            if failure.id not in seen:
                seen.add(failure.id)
                respelt.append(failure)
    return [*found, *sorted(respelt, key=_hardest)][:MOST]


def _hardest(failure: Failure) -> tuple[int, float]:
    return failure.hardness


def page(failures: list[Failure], causes: dict[tuple[str, str, str], str]) -> str:
    """The page, in Markdown."""
    told = [causes.get(failure.key, NOT_READ) for failure in failures]
    lines = [HEAD.strip(), "", "| cause | of them | what would mend it |", "|---|---|---|"]
    for cause, count in Counter(told).most_common():
        words, mend = CAUSES.get(cause, (cause, "–"))
        lines.append(f"| {words} | {count} | {mend} |")
    lines += ["", "| | text | way | asked | given | sure | cause | what would mend it |", "|---" * 8 + "|"]
    for number, (failure, cause) in enumerate(zip(failures, told, strict=True), start=1):
        asked = f"{failure.level}: {failure.asked}" if failure.asked else "none"
        words, mend = CAUSES.get(cause, (cause, "–"))
        cells = (
            number, f"{failure.dataset} {failure.id}", failure.way, asked, failure.given or "nothing",
            f"{failure.confidence:.2f}", words, mend,
        )  # fmt: skip
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines) + "\n"


def read_causes(path: Path = CAUSES_FILE) -> dict[tuple[str, str, str], str]:
    """(set, id, way) → cause. Raises KeyError on a cause that is none."""
    found = {(row["dataset"], row["id"], row["way"]): row["cause"] for row in rows(path)}
    for cause in found.values():
        CAUSES[cause]
    return found


def main(arguments: list[str] | None = None) -> None:
    """Print, or write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the public texts")
    parser.add_argument("--page", type=Path, help="write the page here")
    options = parser.parse_args(arguments)
    failures = hardest(PlaceReader.load(), options.data)
    if options.page:
        options.page.write_text(page(failures, read_causes()), encoding="utf-8")
        return
    for failure in failures:
        print(json.dumps(asdict(failure), ensure_ascii=False))


if __name__ == "__main__":
    main()
