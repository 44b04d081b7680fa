"""What goes over the wire of Open311: a reply, and one shape for both of its forms.

XML is turned into what its JSON would be (the Spark convention): containers of one kind of child are lists,
empty elements are None, everything else is text. The parser takes no entities and asks no network.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import orjson
from lxml import etree

from connectors.ports import ConnectorError

if TYPE_CHECKING:
    from collections.abc import Mapping

XML: Final = "xml"
JSON: Final = "json"
FORMATS: Final = (XML, JSON)
#: Containers of one kind of child, by the standard.
LISTS: Final = frozenset(
    {"services", "service_requests", "errors", "attributes", "values", "endpoints", "formats", "notes"}
)


class Unreadable(ConnectorError):
    """对方的答复不是约定的格式。"""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it came."""

    status: int
    content_type: str
    body: bytes = field(repr=False)
    fmt: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def tree(self) -> Any:  # noqa: ANN401  (whatever was sent)
        """What it says. Raises Unreadable."""
        return json_tree(self.body) if self.fmt == JSON else spark(xml_root(self.body))

    def items(self) -> list[Any]:
        """The list that it is, whatever stands in it. Raises Unreadable."""
        found = self.tree()
        if not isinstance(found, list):
            raise Unreadable("答复应是列表")
        return found

    def rows(self) -> list[dict[str, Any]]:
        """The list of objects that it is. Raises Unreadable."""
        found = self.items()
        if not all(isinstance(row, dict) for row in found):
            raise Unreadable("答复应是列表")
        return found


def json_tree(body: bytes) -> Any:  # noqa: ANN401
    """The value of a JSON body. Raises Unreadable."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Unreadable(f"不是 JSON：{error.msg}") from None


def xml_root(body: bytes) -> etree._Element:
    """The root of an XML body. Raises Unreadable."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False,
        remove_comments=True, remove_pis=True,
    )  # fmt: skip
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise Unreadable(f"不是 XML：{type(error).__name__}") from None
    if root.getroottree().docinfo.doctype:
        raise Unreadable("XML 里不应有 DOCTYPE")
    return root


def _local(element: etree._Element) -> str:
    """A name without its namespace. Not by lxml's QName, which refuses what the parser lets pass."""
    return str(element.tag).rpartition("}")[2]


def spark(element: etree._Element) -> Any:  # noqa: ANN401
    """An element as the Spark convention has it."""
    name = _local(element)
    children = list(element)
    if name in LISTS:
        return [spark(child) for child in children]
    if children:
        return {_local(child): spark(child) for child in children}
    return (element.text or "") or None


def same(one: Any, other: Any) -> bool:  # noqa: ANN401
    """Whether a value of JSON and one of XML say the same."""
    match one, other:
        case dict(), dict():
            return one.keys() == other.keys() and all(same(value, other[name]) for name, value in one.items())
        case list(), list():
            return len(one) == len(other) and all(map(same, one, other))
        case (None | "" | [], None | "" | []):
            return True
        case _:
            return _as_text(one) == _as_text(other) or _same_number(one, other)


def _as_text(value: Any) -> str:  # noqa: ANN401
    return str(value).lower() if isinstance(value, bool) else str(value)


def _same_number(one: Any, other: Any) -> bool:  # noqa: ANN401
    """Whether a number is written as the other's text: 39.0 and 39."""
    if isinstance(one, str) and isinstance(other, str):
        return False
    try:
        return float(one) == float(other)
    except (TypeError, ValueError):
        return False
