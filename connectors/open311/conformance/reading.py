"""Checks 1 to 16: discovery, services, definitions."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from lxml import etree

from connectors.open311.client import moment
from connectors.open311.conformance.server import LISTS, errors_of, must
from connectors.open311.conformance.suite import Register, mark
from connectors.open311.wire import JSON, XML, same, xml_root

if TYPE_CHECKING:
    from connectors.open311.conformance.server import Server

READING: Final = Register()
_TYPES: Final = {"realtime", "batch", "blackbox"}
_DATATYPES: Final = {"string", "number", "datetime", "text", *LISTS}
_CONTENT: Final = {XML: "text/xml", JSON: "application/json"}
_SPECIFICATION: Final = re.compile(r"georeport_v2", re.IGNORECASE)


async def _discovery(server: Server, fmt: str = JSON) -> dict[str, Any]:
    reply = await server.get(server.discovery, fmt)
    must(reply.status == 200, f"discovery.{fmt} 答复 {reply.status}")  # noqa: PLR2004
    found = reply.tree()
    must(isinstance(found, dict), "discovery 应是对象")
    return found  # type: ignore[no-any-return]


@READING.check(1, "discovery 的 XML 和 JSON 都有，内容一致")
async def both_discoveries(server: Server) -> None:
    """Both forms exist and say the same."""
    must(same(await _discovery(server, JSON), await _discovery(server, XML)), "两种格式内容不同")


@READING.check(2, "discovery 的必填项都不为空")
async def whole_discovery(server: Server) -> None:
    """Every field is there."""
    found = await _discovery(server)
    for name in ("changeset", "contact", "key_service", "endpoints"):
        must(found.get(name), f"{name} 为空")
    for endpoint in found["endpoints"]:
        for name in ("specification", "url", "changeset", "type", "formats"):
            must(endpoint.get(name), f"endpoint 的 {name} 为空")
        must(endpoint["type"] in {"production", "test"}, f"endpoint 的 type 是 {endpoint['type']}")


@READING.check(3, "changeset 是过去的时刻")
async def past_changeset(server: Server) -> None:
    """It is a moment, and past."""
    found = await _discovery(server)
    for told in (found["changeset"], *(endpoint["changeset"] for endpoint in found["endpoints"])):
        at = moment(str(told))
        must(at is not None, f"changeset 不是带时区的时刻：{told}")
        must(at and at <= datetime.now(UTC) + timedelta(minutes=1), f"changeset 在将来：{told}")


@READING.check(4, "每个 v2 端点都支持 text/xml")
async def xml_everywhere(server: Server) -> None:
    """XML is required."""
    ends = [
        e for e in (await _discovery(server))["endpoints"] if _SPECIFICATION.search(str(e["specification"]))
    ]
    must(ends, "没有 GeoReport v2 端点")
    for endpoint in ends:
        must("text/xml" in endpoint["formats"], f"{endpoint['url']} 没有 text/xml")


@READING.check(5, "Content-Type 带字符集 utf-8")
async def content_types(server: Server) -> None:
    """With charset, in both forms."""
    for fmt, wanted in _CONTENT.items():
        for path in ("services", "requests"):
            told = (await server.get(path, fmt)).content_type
            plain = re.sub(r"[\s\"]", "", told).lower()
            must(plain == f"{wanted};charset=utf-8", f"{path}.{fmt}：{told}")


@READING.check(6, "XML 以 UTF-8 声明开头")
async def declaration(server: Server) -> None:
    """The declaration stands first."""
    for path in ("services", "requests"):
        body = (await server.get(path, XML)).body
        head = re.match(rb"<\?xml version=[\"']1\.0[\"'] encoding=[\"']utf-8[\"'] ?\?>", body, re.IGNORECASE)
        must(head, f"{path}.xml 的开头是 {body[:60]!r}")


@READING.check(7, "XML 不用命名空间")
async def no_namespace(server: Server) -> None:
    """No prefix, no default namespace."""
    for path in ("services", "requests", server.discovery):
        for element in xml_root((await server.get(path, XML)).body).iter():
            must(not etree.QName(element).namespace and not element.nsmap, f"{path}.xml 有命名空间")


@READING.check(8, "服务列表的 JSON 是数组")
async def service_array(server: Server) -> None:
    """The wrapper's name vanishes."""
    must(isinstance((await server.get("services")).tree(), list), "services.json 不是数组")
    root = xml_root((await server.get("services", XML)).body)
    must(root.tag == "services", f"services.xml 的根是 {root.tag}")
    must({child.tag for child in root} <= {"service"}, "services 里有别的元素")


@READING.check(9, "service_code 是不为空、不重复的文字")
async def service_codes(server: Server) -> None:
    """Text: codes may begin with zeros."""
    codes = [row.get("service_code") for row in await server.services()]
    must(all(isinstance(code, str) and code for code in codes), "有 service_code 为空或不是文字")
    must(len(codes) == len(set(codes)), "service_code 有重复")


@READING.check(10, "metadata 在 JSON 是布尔值，在 XML 是 true/false")
async def metadata(server: Server) -> None:
    """A truth, in each form's way."""
    must(all(isinstance(row.get("metadata"), bool) for row in await server.services()), "JSON 里不是布尔值")
    told = {row.get("metadata") for row in await server.rows("services", XML)}
    must(told <= {"true", "false"}, f"XML 里是 {told}")


@READING.check(11, "服务的 type 是三者之一")
async def service_types(server: Server) -> None:
    """realtime, batch or blackbox."""
    told = {row.get("type") for row in await server.services()}
    must(told <= _TYPES, f"type 有 {told - _TYPES}")


async def _attributes(server: Server) -> list[tuple[str, dict[str, Any]]]:
    found = await server.definitions()
    return [(code, item) for code, definition in found.items() for item in definition["attributes"]]


@READING.check(12, "服务定义答的是问的那个服务")
async def asked_definition(server: Server) -> None:
    """The code comes back, in both forms."""
    for code, definition in (await server.definitions()).items():
        must(
            isinstance(definition, dict) and isinstance(definition.get("attributes"), list),
            f"{code} 不成样子",
        )
        must(definition.get("service_code") == code, f"问 {code}，答 {definition.get('service_code')}")
    told = (await server.get(f"services/{code}", XML)).tree()
    must(same(definition, told), f"{code} 的两种格式不同")


@READING.check(13, "属性的 datatype 是六者之一")
async def datatypes(server: Server) -> None:
    """One of the six."""
    for code, item in await _attributes(server):
        must(item.get("datatype") in _DATATYPES, f"{code}.{item.get('code')}：{item.get('datatype')}")


@READING.check(14, "属性的 order 是正整数，服务内不重复")
async def orders(server: Server) -> None:
    """Positive and unique."""
    for code, definition in (await server.definitions()).items():
        told = [item.get("order") for item in definition["attributes"]]
        must(all(isinstance(n, int) and not isinstance(n, bool) and n > 0 for n in told), f"{code}：{told}")
        must(len(told) == len(set(told)), f"{code} 的 order 有重复：{told}")


@READING.check(15, "单选多选有选项，其他没有")
async def values(server: Server) -> None:
    """Lists have at least one value, others none."""
    for code, item in await _attributes(server):
        told = item.get("values") or []
        must(bool(told) is (item["datatype"] in LISTS), f"{code}.{item['code']} 有 {len(told)} 个选项")
        keys = [value.get("key") for value in told]
        must(all(isinstance(key, str) and key for key in keys), f"{code}.{item['code']} 的 key 应是文字")
        must(len(keys) == len(set(keys)), f"{code}.{item['code']} 的 key 有重复")


@READING.check(16, "没有的服务定义答 404 和错误列表")
async def unknown_definition(server: Server) -> None:
    """Not found is told as such."""
    for fmt in (JSON, XML):
        reply = await server.get(f"services/nothing-{mark()}", fmt)
        must(reply.status == 404, f"{fmt}：答复 {reply.status}")  # noqa: PLR2004
        errors_of(reply)
