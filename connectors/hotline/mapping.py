"""One YAML per platform: what its fields and statuses mean to us, and how it wants our actions told.

Shipped ones lie in `connectors/maps/hotline/`; a site names a file of its own. A map is checked whole when it
is loaded: anything unknown, doubled or missing is refused with file and line.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from connectors.file_maps import ColumnMap, load_map, normal_name
from connectors.ports import ConnectorError
from connectors.records import FileRefused
from connectors.strict_yaml import Reader
from models.vocab import Field, Labelled, Outcome, Satisfaction, Told, YesNo
from models.vocab_sources import ActionKind, OrderFact, OrderStatus, WordKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from importlib.resources.abc import Traversable

    import yaml

E = TypeVar("E", bound=Labelled)


class MapRefused(ConnectorError):
    """平台对照表不能用: the message names file and line, in Chinese."""


@dataclass(frozen=True, slots=True)
class OrderFields:
    """Which field of an order is what; the complaint's own fields are read by the column map."""

    number: str
    created: str
    updated: str
    status: str | None = None
    attachments: str | None = None
    urges: str | None = None


@dataclass(frozen=True, slots=True)
class AttachmentFields:
    """Which field of an attachment is what."""

    id: str
    name: str
    type: str
    size: str
    url: str


@dataclass(frozen=True, slots=True)
class ActionMap:
    """How the platform wants one action told: its code, and our field → its field."""

    code: str
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PlatformMap:
    """A platform's dialect. Build it with `load` or `parse`."""

    name: str
    title: str
    columns: ColumnMap
    order: OrderFields
    attachment: AttachmentFields | None
    statuses: Mapping[str, OrderStatus]
    time_format: str
    actions: Mapping[ActionKind, ActionMap]
    values: Mapping[str, Mapping[str, str]]
    marks: Mapping[str, WordKind]
    facts: Mapping[OrderFact, str]

    def status(self, foreign: str | None) -> OrderStatus:
        """Our word for a foreign status. One we do not know is open: passing an order over loses it."""
        return self.statuses.get(normal_name(foreign or ""), OrderStatus.OPEN)

    def mark(self, foreign: str | None) -> WordKind | None:
        """What a foreign status tells a clerk besides, if anything."""
        return self.marks.get(normal_name(foreign or ""))


#: What an action's body may hold, in our words.
ACTION_FIELDS: Final = ("at", "unit", "unit_name", *(field.value for field in Field))
_CHOICES: Final[Mapping[str, type[Labelled]]] = {
    Field.OUTCOME: Outcome,
    Field.TOLD_CITIZEN: Told,
    Field.CONTACTED: YesNo,
    Field.SOLVED: YesNo,
    Field.SATISFACTION: Satisfaction,
}
_KEYS: Final = (
    "name", "title", "columns", "order", "attachment", "statuses", "marks", "facts", "time_format", "actions",
    "values",
)  # fmt: skip
#: What a status may tell a clerk; the other words follow from what it means, or from other fields.
_MARKS: Final = (WordKind.REHANDLED, WordKind.SUPERVISED)
_NEEDED: Final = ("name", "title", "columns", "order", "statuses", "time_format", "actions")
_ORDER: Final = ("number", "created", "updated", "status", "attachments", "urges")
_ATTACHMENT: Final = ("id", "name", "type", "size", "url")


class _Reader(Reader):
    """Walks the nodes of one map."""

    what = "平台对照表"
    refused = MapRefused

    def section(
        self, node: yaml.Node, known: Iterable[str], needed: Iterable[str] = ()
    ) -> dict[str, yaml.Node]:
        pairs = self.mapping(node)
        allowed = tuple(known)
        for key, (at, _) in pairs.items():
            if key not in allowed:
                raise self.refuse(at, f"未知的键‘{key}’；可用的是：{'、'.join(allowed)}")
        for key in needed:
            if key not in pairs:
                raise self.refuse(node, f"缺少键‘{key}’")
        return {key: value for key, (_, value) in pairs.items()}

    def member(self, kind: type[E], node: yaml.Node) -> E:
        value = self.text(node)
        found = next((member for member in kind if member.value == value), None)
        if found is None:
            raise self.refuse(node, f"没有‘{value}’；可用的是：{'、'.join(member.value for member in kind)}")
        return found

    def statuses(self, node: yaml.Node) -> dict[str, OrderStatus]:
        found: dict[str, OrderStatus] = {}
        for foreign, (at, value) in self.mapping(node).items():
            if normal_name(foreign) in found:
                raise self.refuse(at, f"‘{foreign}’与前面的状态相同")
            found[normal_name(foreign)] = self.member(OrderStatus, value)
        return found

    def marks(self, node: yaml.Node, statuses: Mapping[str, OrderStatus]) -> dict[str, WordKind]:
        found: dict[str, WordKind] = {}
        for foreign, (at, value) in self.mapping(node).items():
            name, kind = normal_name(foreign), self.member(WordKind, value)
            if kind not in _MARKS:
                raise self.refuse(value, f"这里可用的是：{'、'.join(kind.value for kind in _MARKS)}")
            if name in found or name not in statuses:
                raise self.refuse(at, f"‘{foreign}’在这里重复，或不在 statuses 里")
            found[name] = kind
        return found

    def facts(self, node: yaml.Node) -> dict[OrderFact, str]:
        return {self.member(OrderFact, at): self.text(value) for at, value in self.mapping(node).values()}

    def actions(self, node: yaml.Node) -> dict[ActionKind, ActionMap]:
        found: dict[ActionKind, ActionMap] = {}
        for at, value in self.mapping(node).values():
            kind = self.member(ActionKind, at)
            parts = self.section(value, ("code", "fields"), ("code", "fields"))
            fields = {
                ours: self.text(theirs)
                for ours, theirs in self.section(parts["fields"], ACTION_FIELDS, ("at",)).items()
            }
            if len(set(fields.values())) < len(fields):
                raise self.refuse(parts["fields"], "两项写进了平台的同一个字段")
            found[kind] = ActionMap(self.text(parts["code"]), fields)
        for kind in ActionKind:
            if kind not in found:
                raise self.refuse(node, f"缺少动作‘{kind.value}’（{kind.label}）")
        return found

    def values(self, node: yaml.Node) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        for field, value in self.section(node, _CHOICES).items():
            pairs = self.mapping(value)
            known = [member.value for member in _CHOICES[field]]
            for key, (at, _) in pairs.items():
                if key not in known:
                    raise self.refuse(at, f"{field} 没有‘{key}’这个值；可用的是：{'、'.join(known)}")
            found[field] = {key: self.text(theirs) for key, (_, theirs) in pairs.items()}
        return found

    def time_format(self, node: yaml.Node) -> str:
        pattern = self.text(node)
        sample = datetime(2026, 11, 23, 4, 5, 6, tzinfo=UTC)
        try:
            again = datetime.strptime(sample.strftime(pattern), pattern).replace(tzinfo=UTC)
        except ValueError:
            again = None
        if again != sample:
            raise self.refuse(node, "时间格式应含年月日时分秒，如 %Y-%m-%d %H:%M:%S")
        return pattern

    def columns(self, node: yaml.Node) -> ColumnMap:
        try:
            return load_map(self.text(node))
        except FileRefused as refusal:
            raise self.refuse(node, str(refusal)) from None


def parse(text: str, label: str) -> PlatformMap:
    """Read a platform's map from YAML; `label` names it in messages. Raises MapRefused."""
    reader = _Reader(label)
    parts = reader.section(reader.root(text), _KEYS, _NEEDED)
    order = reader.section(parts["order"], _ORDER, _ORDER[:3])
    attachment = parts.get("attachment")
    if ("attachments" in order) != (attachment is not None):
        raise reader.refuse(parts["order"], "order 里的 attachments 与 attachment 一节要么都写，要么都不写")
    statuses = reader.statuses(parts["statuses"])
    return PlatformMap(
        name=reader.text(parts["name"]),
        title=reader.text(parts["title"]),
        columns=reader.columns(parts["columns"]),
        order=OrderFields(**{key: reader.text(value) for key, value in order.items()}),
        attachment=None if attachment is None else AttachmentFields(**{
            key: reader.text(value)
            for key, value in reader.section(attachment, _ATTACHMENT, _ATTACHMENT).items()
        }),
        statuses=statuses,
        marks=reader.marks(parts["marks"], statuses) if "marks" in parts else {},
        facts=reader.facts(parts["facts"]) if "facts" in parts else {},
        time_format=reader.time_format(parts["time_format"]),
        actions=reader.actions(parts["actions"]),
        values=reader.values(parts["values"]) if "values" in parts else {},
    )  # fmt: skip


def _shipped() -> Traversable:
    return resources.files("connectors") / "maps" / "hotline"


def available() -> tuple[str, ...]:
    """The names of the maps that ship with us."""
    return tuple(
        sorted(
            item.name.removesuffix(".yaml") for item in _shipped().iterdir() if item.name.endswith(".yaml")
        )
    )


def load(name_or_path: str) -> PlatformMap:
    """A shipped map by its name, or any by its path (ends in .yaml or .yml). Raises MapRefused."""
    if name_or_path.endswith((".yaml", ".yml")):
        path = Path(name_or_path)
        try:
            return parse(path.read_text(encoding="utf-8"), path.name)
        except (OSError, UnicodeDecodeError):
            raise MapRefused(f"平台对照表 {path.name}：无法读取（应是 UTF-8 的 YAML 文件）") from None
    if name_or_path not in available():
        raise MapRefused(f"没有名为‘{name_or_path}’的平台对照表；可用的是：{'、'.join(available())}")
    return parse((_shipped() / f"{name_or_path}.yaml").read_text(encoding="utf-8"), f"{name_or_path}.yaml")
