"""字段对应: how a provider calls what we say and what it answers, written by whoever sets it up.

What is sent, a line a field: `their.name = {ours}` with `{key}`, `{caller}`, `{callee}`, `{seconds}`,
`{until}` (Beijing time, 2026-11-26 15:30:00), or fixed words: `appKey = abc`. `{seconds}` alone is a number.
What is answered, a line for each of ours: `number = data.secretNo`, `until`, `reference`, `code`; `good` are
the values of `code` that mean yes, with commas. Dots lead into objects.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

#: What the reference provider speaks, and whoever has nothing to say otherwise.
REQUEST: Final = """\
requestId = {key}
caller = {caller}
callee = {callee}
seconds = {seconds}
"""
ANSWER: Final = """\
number = number
until = until
reference = bindId
code = code
good = 0
"""
_PLACE: Final = re.compile(r"\{([^{}]*)\}")
_OURS: Final = frozenset({"key", "caller", "callee", "seconds", "until"})
#: Without these two there is no call.
_NEEDED: Final = frozenset({"caller", "callee"})
_ANSWERED: Final = frozenset({"number", "until", "reference", "code", "good"})
_PATH: Final = re.compile(r"[A-Za-z0-9_-]{1,60}(?:\.[A-Za-z0-9_-]{1,60}){0,4}")


class FieldsRefused(ValueError):
    """字段对应有误."""


def _lines(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in filter(None, (line.strip() for line in text.splitlines())):
        name, equals, value = (part.strip() for part in line.partition("="))
        if not equals or not value or name in found:
            raise FieldsRefused(f"每行应形如 名字 = 值，名字不重复：{line[:40]}")
        found[name] = value
    return found


@dataclass(frozen=True, slots=True)
class RequestFields:
    """What is sent: their paths, and our templates."""

    places: Mapping[str, str]

    @classmethod
    def parse(cls, text: str) -> RequestFields:
        """Read the lines. Raises FieldsRefused."""
        found = _lines(text)
        used = {name for value in found.values() for name in _PLACE.findall(value)}
        for path in found:
            if not _PATH.fullmatch(path):
                raise FieldsRefused(f"对方字段名有误：{path[:40]}")
        if unknown := sorted(used - _OURS):
            raise FieldsRefused(f"没有这一项：{{{unknown[0]}}}")
        if missing := sorted(_NEEDED - used):
            raise FieldsRefused(f"没有写到 {{{missing[0]}}}")
        made = cls(found)
        made.body(dict.fromkeys(_OURS, ""))
        return made

    def body(self, ours: Mapping[str, str]) -> dict[str, Any]:
        """The JSON that is sent. Raises FieldsRefused when one path leads through another's value."""
        whole: dict[str, Any] = {}
        for path, template in self.places.items():
            *above, last = path.split(".")
            at = whole
            for name in above:
                at = at.setdefault(name, {})
                if not isinstance(at, dict):
                    raise FieldsRefused(f"对方字段互相冲突：{path}")
            if last in at:
                raise FieldsRefused(f"对方字段互相冲突：{path}")
            said = _PLACE.sub(lambda found: ours[found[1]], template)
            at[last] = int(said) if template == "{seconds}" and said else said
        return whole


@dataclass(frozen=True, slots=True)
class AnswerFields:
    """What is answered: where each of ours stands."""

    places: Mapping[str, str]

    @classmethod
    def parse(cls, text: str) -> AnswerFields:
        """Read the lines. Raises FieldsRefused."""
        found = _lines(text)
        if unknown := sorted(found.keys() - _ANSWERED):
            raise FieldsRefused(f"没有这一项：{unknown[0][:40]}")
        if "number" not in found:
            raise FieldsRefused("没有写 number：虚拟号在对方的哪个字段")
        if ("code" in found) != ("good" in found):
            raise FieldsRefused("code 和 good 要一起写")
        for name, path in found.items():
            if name != "good" and not _PATH.fullmatch(path):
                raise FieldsRefused(f"对方字段名有误：{path[:40]}")
        return cls(found)

    def read(self, name: str, answer: object) -> object:
        """What stands there; None: nothing."""
        path = self.places.get(name)
        if path is None:
            return None
        at = answer
        for part in path.split("."):
            at = at.get(part) if isinstance(at, dict) else None
        return at

    def said_yes(self, answer: object) -> bool:
        """Whether the provider's own code says so; without a code its status did."""
        if "code" not in self.places:
            return True
        good = {value.strip() for value in self.places["good"].split(",")}
        code = self.read("code", answer)
        return not isinstance(code, bool) and isinstance(code, str | int) and str(code) in good
