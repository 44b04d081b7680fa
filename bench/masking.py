"""Measure the masking of what identifies a person: `python -m bench.masking [--data DIR]`.

On our own sentences (`tests/cases/masking.yaml`): precision and recall of every token's spans. With `--data`,
a folder of JSONL texts: how much that looks like a number of a person is left after masking, counted only.
Prints one JSON line.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import yaml

from nlp.text import mask_identity, normalize

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

CASES: Final = Path(__file__).resolve().parents[1] / "tests" / "cases" / "masking.yaml"
_SPAN: Final = re.compile(r"\{([^|{}]+)\|([^{}]*)\}")
_TOKEN: Final = re.compile(
    r"\[(手机号|电话号|身份证号|银行卡号|邮箱|车牌号|证件号|微信号|QQ号|姓名|门牌号)\]"
)
#: Looser than the rules themselves: what they overlook should show here.
_LEFT: Final = {
    "mobile": re.compile(r"(?<!\d)1[3-9]\d{9}(?!\d)"),
    "spaced_mobile": re.compile(r"(?<!\d)1[3-9]\d[ \-.]\d{4}[ \-.]\d{4}(?!\d)"),
    "landline": re.compile(r"(?<!\d)0\d{2,3}[- ]?[2-9]\d{6,7}(?!\d)"),
    "called_number": re.compile(r"(?:电话|手机|联系方式|致电)[^\n,。;]{0,8}?(?<!\d)[2-9]\d{6,7}(?!\d)"),
    "identity": re.compile(r"(?<!\d)\d{17}[\dx](?!\d)"),
    "plate": re.compile(
        r"[京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川贵云藏陕甘青宁新][a-hj-z][·. -]?"
        r"[a-z0-9]{5,6}(?![a-z0-9])"
    ),
    "email": re.compile(r"[a-z0-9._-]+@[a-z0-9-]+\.[a-z]"),
}


class Case(NamedTuple):
    """A sentence, and how it should look masked."""

    said: str
    masked: str
    spans: tuple[str, ...]


def cases(path: Path = CASES) -> list[Case]:
    """Our sentences. Raises ValueError naming a span whose token is none."""
    found = []
    for line in yaml.safe_load(path.read_text(encoding="utf-8"))["said"]:
        for name, _ in _SPAN.findall(line):
            if not _TOKEN.fullmatch(f"[{name}]"):
                raise ValueError(f"{line}: {name} is no token")
        found.append(
            Case(
                said=_SPAN.sub(r"\2", line),
                masked=_SPAN.sub(r"[\1]", line),
                spans=tuple(name for name, _ in _SPAN.findall(line)),
            )
        )
    return found


def measure(held: Sequence[Case]) -> dict[str, Any]:
    """Precision and recall per token, and the sentences masked exactly as they should be."""
    wanted, given, hit = Counter[str](), Counter[str](), Counter[str]()
    exact, wrong = 0, []
    for case in held:
        masked = mask_identity(case.said)
        exact += masked == case.masked
        if masked != case.masked:
            wrong.append(f"{masked}  (should be {case.masked})")
        mine = [(name, rest) for name, rest in _parts(masked)]
        theirs = [(name, rest) for name, rest in _parts(case.masked)]
        wanted.update(name for name, _ in theirs)
        given.update(name for name, _ in mine)
        # A span is hit when the same token stands between the same words.
        hit.update(name for name, _ in (Counter(mine) & Counter(theirs)).elements())
    return {
        "sentences": len(held),
        "exact": exact,
        "precision": round(hit.total() / max(given.total(), 1), 4),
        "recall": round(hit.total() / max(wanted.total(), 1), 4),
        "tokens": {
            name: {"spans": wanted[name], "given": given[name], "hit": hit[name]}
            for name in sorted(wanted | given)
        },
        "wrong": wrong,
    }


def _parts(masked: str) -> list[tuple[str, tuple[str, str]]]:
    """Each token with the three characters on either side of it."""
    return [
        (match[1], (masked[max(0, match.start() - 3) : match.start()], masked[match.end() : match.end() + 3]))
        for match in _TOKEN.finditer(masked)
    ]


def left_over(texts: Iterable[str]) -> dict[str, int]:
    """How often the patterns of a person's numbers are found before and after masking."""
    count = Counter[str]()
    for text in texts:
        before, after = normalize(text), normalize(mask_identity(text))
        count["texts"] += 1
        for name, pattern in _LEFT.items():
            count[f"{name}_before"] += len(pattern.findall(before))
            count[f"{name}_after"] += len(pattern.findall(after))
        count["tokens_set"] += len(_TOKEN.findall(mask_identity(text))) - len(_TOKEN.findall(text))
    return dict(count)


def texts_of(folder: Path) -> Iterable[str]:
    """Title and text of every record of every JSONL file."""
    for path in sorted(folder.rglob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").split("\n"):
            row = json.loads(line) if line.strip() else {}
            if isinstance(row.get("text"), str):
                yield f"{row.get('title') or ''}\n{row['text']}"


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", type=Path, action="append", default=[], help="a folder of real texts: counts only"
    )
    parser.add_argument("--cases", type=Path, default=CASES, help="another set of labelled sentences")
    options = parser.parse_args(arguments)
    figures = measure(cases(options.cases))
    for sentence in figures.pop("wrong"):
        print(f"wrong: {sentence}")
    figures["left_over"] = {folder.name: left_over(texts_of(folder)) for folder in options.data}
    print(json.dumps({"bench": "masking", **figures}, ensure_ascii=False))


if __name__ == "__main__":
    main()
