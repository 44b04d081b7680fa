"""Column maps: which column of a file is which field of a complaint, read strictly from YAML.

A map is checked whole when it is loaded: an unknown key, a key written twice, an unknown field or a value
that we do not have is refused with file and line, never ignored.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import yaml

from connectors.file_times import NAMED_FORMATS, known_format
from connectors.records import DEFAULT_LIMITS, FileRefused
from connectors.strict_yaml import Reader
from models.vocab import AppealType, Channel

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from importlib.resources.abc import Traversable


T = TypeVar("T")


class Field(StrEnum):
    """What a column may be."""

    EXTERNAL_ID = "external_id"
    SOURCE = "source"
    TITLE = "title"
    TEXT = "text"
    RECEIVED_AT = "received_at"
    CHANNEL = "channel"
    APPEAL_TYPE = "appeal_type"
    ADDRESS = "address"
    NAME = "name"
    PHONE = "phone"
    ID_NUMBER = "id_number"
    CALLER_AREA = "caller_area"
    SECRET = "secret"  # noqa: S105 - 是否保密, not a password


_FLAGS: Final = {"true": "true", "false": "false"}
# Fields whose values are translated: what a map may translate into.
_TARGETS: Final[Mapping[Field, Mapping[str, str]]] = {
    Field.CHANNEL: {member.value: member.value for member in Channel if member is not Channel.PATROL},
    Field.APPEAL_TYPE: {member.value: member.value for member in AppealType},
    Field.SECRET: _FLAGS,
}
_DEFAULTABLE: Final = frozenset({Field.SOURCE, Field.CHANNEL, Field.APPEAL_TYPE, Field.SECRET})
_KEYS: Final = ("name", "title", "required", "fields", "defaults", "values", "time_formats")
_NEEDED: Final = ("name", "title", "required", "fields")


def normal_name(column: str) -> str:
    """Reduce a column name to what is compared: NFKC, no space, no case, no mark of a required column (*)."""
    plain = unicodedata.normalize("NFKC", column).casefold()
    return "".join(plain.replace("\ufeff", "").split()).strip("*")


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """How to read one kind of file. Build it with `load_map` or `parse_map`."""

    name: str
    title: str
    """What staff see, in Chinese."""
    fields: Mapping[Field, tuple[str, ...]]
    """Accepted column names, the preferred one first."""
    required: tuple[Field, ...]
    """Fields of which at least one column must be there."""
    defaults: Mapping[Field, str]
    values: Mapping[Field, Mapping[str, str]]
    """Foreign value (in its `normal_name` form) to ours, per field."""
    time_formats: tuple[str, ...]
    lookup: Mapping[str, tuple[Field, int]]
    """`normal_name` of a column to its field and its rank there (0 is preferred)."""

    def find(self, column: str) -> tuple[Field, int] | None:
        """Give the field of a column and the column's rank in it, or None for a column without a field."""
        return self.lookup.get(normal_name(column))

    def accepted(self, name: str) -> tuple[str, ...]:
        """Give the column names that serve a field."""
        return self.fields[Field(name)]

    def recognised(self, columns: Sequence[str]) -> tuple[str, ...]:
        """Give those of the columns that the map knows."""
        return tuple(column for column in columns if self.find(column))

    def missing(self, columns: Sequence[str]) -> tuple[Field, ...]:
        """Give the required fields that none of the columns serves."""
        present = {hit[0] for column in columns if (hit := self.find(column))}
        return tuple(field for field in self.required if field not in present)


class _Reader(Reader):
    """Walks the nodes of one map."""

    what = "列名对照表"
    refused = FileRefused

    def texts(self, node: yaml.Node) -> list[tuple[yaml.Node, str]]:
        if not isinstance(node, yaml.SequenceNode) or not node.value:
            raise self.refuse(node, "这里应是非空的列表")
        return [(item, self.text(item)) for item in node.value]

    def field(self, node: yaml.Node, among: frozenset[Field] | None = None) -> Field:
        name = self.text(node)
        allowed = [member.value for member in Field if among is None or member in among]
        if name not in allowed:
            raise self.refuse(node, f"未知字段‘{name}’；可用的是：{'、'.join(allowed)}")
        return Field(name)

    def per_field(
        self, node: yaml.Node, among: frozenset[Field] | None, read: Callable[[Field, yaml.Node], T]
    ) -> dict[Field, T]:
        pairs = self.mapping(node).values()
        return {(field := self.field(key, among)): read(field, value) for key, value in pairs}

    def target(self, field: Field, node: yaml.Node) -> str:
        value = self.text(node)
        if field is Field.SOURCE and len(value) > DEFAULT_LIMITS.source_max:
            raise self.refuse(node, f"来源名称超过 {DEFAULT_LIMITS.source_max} 个字符")
        allowed = _TARGETS.get(field)
        if allowed is not None and value not in allowed:
            raise self.refuse(node, f"{field} 没有‘{value}’这个值；可用的是：{'、'.join(allowed)}")
        return value

    def translations(self, field: Field, node: yaml.Node) -> dict[str, str]:
        found: dict[str, str] = {}
        for foreign, (key, value) in self.mapping(node).items():
            if normal_name(foreign) in found:
                raise self.refuse(key, f"‘{foreign}’与前面的值相同")
            found[normal_name(foreign)] = self.target(field, value)
        return found

    def required(self, node: yaml.Node, fields: Mapping[Field, tuple[str, ...]]) -> tuple[Field, ...]:
        names = []
        for item, _ in self.texts(node):
            names.append(self.field(item))
            if names[-1] not in fields:
                raise self.refuse(item, f"必需字段‘{names[-1]}’没有列名")
        return tuple(names)

    def time_formats(self, node: yaml.Node) -> tuple[str, ...]:
        for item, name in self.texts(node):
            if not known_format(name):
                known = "、".join(NAMED_FORMATS)
                raise self.refuse(
                    item, f"未知的时间格式‘{name}’；可用的是 {known}，或含完整日期的 strptime 格式"
                )
        return tuple(name for _, name in self.texts(node))

    def columns(self, node: yaml.Node) -> tuple[dict[Field, tuple[str, ...]], dict[str, tuple[Field, int]]]:
        fields: dict[Field, tuple[str, ...]] = {}
        lookup: dict[str, tuple[Field, int]] = {}
        for key, value in self.mapping(node).values():
            field = self.field(key)
            names = self.texts(value)
            for rank, (at, name) in enumerate(names):
                if normal_name(name) in lookup:
                    raise self.refuse(at, f"列名‘{name}’出现了两次")
                lookup[normal_name(name)] = (field, rank)
            fields[field] = tuple(name for _, name in names)
        return fields, lookup


def _sections(reader: _Reader, root: yaml.Node) -> dict[str, yaml.Node]:
    pairs = reader.mapping(root)
    for key, (key_node, _) in pairs.items():
        if key not in _KEYS:
            raise reader.refuse(key_node, f"未知的键‘{key}’；可用的是：{'、'.join(_KEYS)}")
    for key in _NEEDED:
        if key not in pairs:
            raise reader.whole(f"缺少键‘{key}’")
    return {key: value for key, (_, value) in pairs.items()}


def parse_map(text: str, label: str) -> ColumnMap:
    """Read a column map from YAML; `label` names it in messages.

    Raises FileRefused, with label and line, for anything unknown, doubled, missing or of the wrong shape.
    """
    reader = _Reader(label)
    parts = _sections(reader, reader.root(text))
    fields, lookup = reader.columns(parts["fields"])
    values: dict[Field, dict[str, str]] = {}
    if "values" in parts:
        values = reader.per_field(parts["values"], frozenset(_TARGETS), reader.translations)
    defaults: dict[Field, str] = {}
    if "defaults" in parts:
        defaults = reader.per_field(parts["defaults"], _DEFAULTABLE, reader.target)
    return ColumnMap(
        name=reader.text(parts["name"]),
        title=reader.text(parts["title"]),
        fields=fields,
        required=reader.required(parts["required"], fields),
        defaults=defaults,
        # Our own values always mean themselves, unless a map gives one of them another meaning.
        values={
            field: {normal_name(own): own for own in targets} | values.get(field, {})
            for field, targets in _TARGETS.items()
        },
        time_formats=reader.time_formats(parts["time_formats"]) if "time_formats" in parts else (),
        lookup=lookup,
    )


def _shipped() -> Traversable:
    return resources.files("connectors") / "maps"


def available_maps() -> tuple[str, ...]:
    """Give the names of the maps that ship with the connector, for `load_map`."""
    return tuple(
        sorted(
            item.name.removesuffix(".yaml") for item in _shipped().iterdir() if item.name.endswith(".yaml")
        )
    )


def load_map(name_or_path: str | Path) -> ColumnMap:
    """Load a shipped map by name, or any map by path (a Path, or a text that ends in .yaml or .yml).

    Raises FileRefused when there is no such map or it is not sound.
    """
    name = str(name_or_path)
    if isinstance(name_or_path, Path) or name.endswith((".yaml", ".yml")):
        path = Path(name_or_path)
        try:
            return parse_map(path.read_text(encoding="utf-8"), path.name)
        except (OSError, UnicodeDecodeError) as error:
            raise FileRefused(f"列名对照表 {path.name}：无法读取（应是 UTF-8 的 YAML 文件）") from error
    if name not in available_maps():
        raise FileRefused(f"没有名为‘{name}’的列名对照表；可用的是：{'、'.join(available_maps())}")
    return parse_map((_shipped() / f"{name}.yaml").read_text(encoding="utf-8"), f"{name}.yaml")


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What of a file is not read: columns that the map does not know, sheets beside the one that is."""

    columns: tuple[str, ...] = ()
    """Of JSONL the keys of its first objects; without names that look like data."""
    sheets: tuple[str, ...] = ()
    """Those with anything in them."""


@dataclass(frozen=True, slots=True)
class MapGuess:
    """The map that fits a header best, and why (Chinese); what of the file it leaves out."""

    column_map: ColumnMap
    reason: str
    left_out: LeftOut = LeftOut()


def guess_map(header: Sequence[str]) -> MapGuess:
    """Choose among the shipped maps by a file's column names: all required columns, then most columns known.

    Equal maps: the more specific one.

    Raises FileRefused when no map has its required columns; the message names what each one lacks.
    """
    fits: list[tuple[int, ColumnMap]] = []
    lacks: list[str] = []
    for name in available_maps():
        column_map = load_map(name)
        gone = column_map.missing(header)
        if gone:
            lacks.append(f"“{column_map.title}”缺 {'、'.join(column_map.fields[field][0] for field in gone)}")
        else:
            fits.append((len(column_map.recognised(header)), column_map))
    if not fits:
        raise FileRefused(f"没有适合这些列的对照表：{'；'.join(lacks)}")
    # Of two that know equally many columns, the map with fewer accepted names is the more specific one.
    best, chosen = max(fits, key=lambda fit: (fit[0], -len(fit[1].lookup)))
    others = "；".join(f"“{other.title}”认出 {count} 列" for count, other in fits if other is not chosen)
    reason = (
        f"选用“{chosen.title}”：{len(header)} 列中认出 {best} 列（{'、'.join(chosen.recognised(header))}）"
    )
    return MapGuess(chosen, reason + (f"；{others}" if others else ""))
