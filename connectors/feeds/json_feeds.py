"""JSON Feed 1.x, and any JSON list by a field map: what opinion-monitoring vendors deliver.

A map is a small YAML file, read strictly:

    items: data.records          # where the list is; empty: the answer is the list
    url: link                    # a path of names in each item
    title: title
    text: [content, summary]     # the first that is there
    time: publishTime
    guid: id                     # optional
    time_unit: seconds           # of numbers: seconds or milliseconds; texts are read as written
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson
import yaml

from connectors.feeds.errors import FeedRefused
from connectors.feeds.items import LOOKED_FOR, FeedItem, link_of, plain, title_of
from connectors.feeds.moments import moment
from connectors.yaml_text import too_deep

if TYPE_CHECKING:
    from collections.abc import Mapping

_VERSIONS: Final = ("https://jsonfeed.org/version/", "http://jsonfeed.org/version/")
_UNITS: Final = {"seconds": 1, "milliseconds": 1000}
_LISTS: Final = ("url", "title", "text", "time", "guid")
_NEEDED: Final = ("title", "time")


@dataclass(frozen=True, slots=True)
class FieldMap:
    """Where in a JSON answer things are: paths, each a tuple of names; of several the first that is there."""

    items: tuple[str, ...]
    fields: Mapping[str, tuple[tuple[str, ...], ...]]
    per_second: int = 1

    @classmethod
    def parse(cls, text: str) -> FieldMap:
        """Read a map. Raises FeedRefused naming what is wrong."""
        if too_deep(text):
            raise FeedRefused("bad_map", "字段映射的括号套得太深")
        try:
            # Texts and nothing else: the loaders that make dates and numbers break on what is none.
            said = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506  (makes no objects at all)
        except (yaml.YAMLError, RecursionError):
            raise FeedRefused("bad_map", "字段映射不是合法的 YAML") from None
        if not isinstance(said, dict):
            raise FeedRefused("bad_map", "字段映射应是“名称: 路径”")
        known = {"items", "time_unit", *_LISTS}
        for name in said:
            if name not in known:
                raise FeedRefused(
                    "bad_map", f"字段映射里不认识 {str(name)[:40]}（只能是 {'、'.join(sorted(known))}）"
                )
        missing = [name for name in _NEEDED if not said.get(name)]
        if missing or not (said.get("url") or said.get("guid")):
            raise FeedRefused("bad_map", f"字段映射缺少 {'、'.join(missing or ['url 或 guid'])}")
        unit = said.get("time_unit", "seconds")
        if not isinstance(unit, str) or unit not in _UNITS:
            raise FeedRefused("bad_map", "time_unit 只能是 seconds 或 milliseconds")
        fields = {name: tuple(_path(name, one) for one in _several(said.get(name))) for name in _LISTS}
        return cls(_path("items", said["items"]) if said.get("items") else (), fields, _UNITS[unit])


def _several(value: object) -> list[object]:
    return [] if value in (None, "") else value if isinstance(value, list) else [value]


def _path(name: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, str) or not value or not all(value.split(".")):
        raise FeedRefused("bad_map", f"字段映射的 {name} 应是路径，如 data.title")
    return tuple(value.split("."))


def items(text: str, mapping: FieldMap | None, base: str | None = None) -> list[FeedItem]:
    """The items of a JSON Feed, or of a list by its map; their links may be relative to `base`.

    Raises FeedRefused.
    """
    try:
        said = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise FeedRefused("no_json", "不是合法的 JSON") from None
    if mapping is not None:
        found = _at(said, mapping.items)
        if not isinstance(found, list):
            raise FeedRefused("no_list", "按字段映射找不到列表")
        return [_mapped(one, mapping, base) for one in _objects(found)]
    version = said.get("version") if isinstance(said, dict) else None
    if not isinstance(version, str) or not version.startswith(_VERSIONS):
        raise FeedRefused("no_feed", "不是 JSON Feed；其他 JSON 要配字段映射")
    entries = said.get("items")
    if not isinstance(entries, list):
        raise FeedRefused("no_list", "JSON Feed 里没有 items")
    return [_item(one, base) for one in _objects(entries)]


def _objects(found: list[Any]) -> list[dict[str, Any]]:
    return [one for one in found if isinstance(one, dict)][:LOOKED_FOR]


def _item(said: Mapping[str, Any], base: str | None) -> FeedItem:
    words = [said.get(name) for name in ("content_text", "content_html", "summary")]
    text = next((word for word in words if isinstance(word, str) and word.strip()), "")
    url, relative = link_of(
        (said.get("url"), said.get("external_url"), said.get("id")),
        (said.get("url"), said.get("external_url")),
        base,
    )
    return FeedItem(
        url=url,
        title=title_of(_text(said.get("title"))),
        text=plain(text),
        published=moment(said.get("date_published") or said.get("date_modified")),
        guid=_text(said.get("id"))[:500] or None,
        relative=relative,
    )


def _mapped(said: Mapping[str, Any], mapping: FieldMap, base: str | None) -> FeedItem:
    def value(name: str) -> object:
        for path in mapping.fields[name]:
            if (found := _at(said, path)) not in (None, ""):
                return found
        return None

    url, relative = link_of((value("url"),), (value("url"),), base)
    return FeedItem(
        url=url,
        title=title_of(_text(value("title"))),
        text=plain(_text(value("text"))),
        published=moment(value("time"), per_second=mapping.per_second),
        guid=_text(value("guid"))[:500] or None,
        relative=relative,
    )


def _at(value: Any, path: tuple[str, ...]) -> Any:  # noqa: ANN401  (JSON)
    for name in path:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def _text(value: object) -> str:
    return str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
