"""Checks 33 to 50: lists, single requests, and what must never be told."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from connectors.open311.client import moment
from connectors.open311.conformance.server import Failed, Skipped, errors_of, must
from connectors.open311.conformance.suite import Register, mark
from connectors.open311.wire import JSON, XML, same, xml_root

if TYPE_CHECKING:
    from collections.abc import Iterable

    from connectors.open311.conformance.server import Server

LISTING: Final = Register()
_SPAN: Final = timedelta(days=90)
_SLACK: Final = timedelta(minutes=5)
_MOST: Final = 1000
_COMPARED: Final = 20
_TRIES: Final = 5
_DATES: Final = ("requested_datetime", "updated_datetime", "expected_datetime")
_PERSONAL: Final = frozenset(
    {
        "email", "phone", "first_name", "last_name", "device_id", "account_id", "requestor_name", "name",
        "reporter", "reporter_name", "reporter_phone", "reporter_email", "contact_name", "contact_phone",
        "id_number", "reward", "bank_account", "api_key",
    }
)  # fmt: skip
_CJK: Final = "工地夜里施工，机器声音很大。𠮷野家门口，噪音😡，①②㎡"


def _ids(rows: Iterable[dict[str, Any]]) -> list[str]:
    return [str(row["service_request_id"]) for row in rows]


async def _some(server: Server) -> list[dict[str, Any]]:
    """Requests to look at. Raises Skipped when there is none and none may be posted."""
    rows = await server.rows("requests")
    if not rows and server.key:
        await server.create()
        rows = await server.rows("requests")
    if not rows:
        raise Skipped("90 天内没有公开的诉求")
    return rows


@LISTING.check(33, "给了编号，其他条件不算数")
async def ids_override(server: Server) -> None:
    """An id list overrides every other filter."""
    wanted = _ids(await _some(server))[:2]
    found = await server.rows(
        "requests", service_request_id=",".join(wanted), service_code=f"nothing-{mark()}",
        start_date="2001-01-01T00:00:00Z", end_date="2001-01-02T00:00:00Z", status="closed",
    )  # fmt: skip
    must(sorted(_ids(found)) == sorted(wanted), f"问 {wanted}，答 {_ids(found)}")


@LISTING.check(34, "status=open,closed 等于不限")
async def both_statuses(server: Server) -> None:
    """Both are all; and each is what it says."""
    end = datetime.now(UTC).isoformat(timespec="seconds")
    every = await server.rows("requests", end_date=end)
    both = await server.rows("requests", end_date=end, status="open,closed")
    must(set(_ids(every)) == set(_ids(both)), f"不限 {len(every)} 件，open,closed {len(both)} 件")
    for status in ("open", "closed"):
        told = {row["status"] for row in await server.rows("requests", end_date=end, status=status)}
        must(told <= {status}, f"status={status} 里有 {told}")


async def _bad(server: Server, **query: str) -> None:
    for fmt in (JSON, XML):
        reply = await server.get("requests", fmt, **query)
        must(reply.status == 400, f"{fmt} {query}：答复 {reply.status}，应为 400")  # noqa: PLR2004
        errors_of(reply)


@LISTING.check(35, "不认识的 status 答 400")
async def bad_status(server: Server) -> None:
    """Only open and closed."""
    await _bad(server, status="halfway")
    await _bad(server, status="open,halfway")


@LISTING.check(36, "开始晚于结束答 400")
async def backwards(server: Server) -> None:
    """Time runs forward; and a date is a date."""
    await _bad(server, start_date="2026-02-02T00:00:00Z", end_date="2026-02-01T00:00:00Z")
    await _bad(server, start_date="yesterday")


@LISTING.check(37, "跨度超过 90 天：答 400 或只给 90 天")
async def too_long(server: Server) -> None:
    """Refused or clamped."""
    now = datetime.now(UTC).replace(microsecond=0)
    query = {"start_date": (now - 2 * _SPAN).isoformat(), "end_date": now.isoformat()}
    reply = await server.get("requests", **query)
    if reply.status == 400:  # noqa: PLR2004
        errors_of(reply)
        return
    must(reply.status == 200, f"答复 {reply.status}")  # noqa: PLR2004
    at = [moment(row["requested_datetime"]) for row in reply.rows()]
    known = [found for found in at if found]
    must(not known or max(known) - min(known) <= _SPAN, f"给了跨 {max(known) - min(known)} 的诉求")


@LISTING.check(38, "不写时间是最近 90 天")
async def usual_window(server: Server) -> None:
    """The last 90 days."""
    oldest = datetime.now(UTC) - _SPAN - _SLACK
    for row in await server.rows("requests"):
        at = moment(row["requested_datetime"])
        must(at and at >= oldest, f"{row['service_request_id']}：{row['requested_datetime']}")


@LISTING.check(39, "最多 1000 件")
async def cap(server: Server) -> None:
    """Never more than a thousand."""
    found = await server.rows("requests")
    must(len(found) <= _MOST, f"给了 {len(found)} 件")
    must(len(_ids(found)) == len(set(_ids(found))), "有重复")


@LISTING.check(40, "次序稳定")
async def stable(server: Server) -> None:
    """Asked twice, told the same way."""
    end = datetime.now(UTC).isoformat(timespec="seconds")
    one, other = [_ids(await server.rows("requests", end_date=end)) for _ in range(2)]
    must(one == other, "两次的次序不同")


@LISTING.check(41, "单件诉求也是列表")
async def list_of_one(server: Server) -> None:
    """Still inside the wrapper."""
    number = _ids(await _some(server))[0]
    rows = await server.rows(f"requests/{number}")
    must(_ids(rows) == [number], f"问 {number}，答 {_ids(rows)}")
    root = xml_root((await server.get(f"requests/{number}", XML)).body)
    must(root.tag == "service_requests", f"XML 的根是 {root.tag}")
    must([child.tag for child in root] == ["request"], f"XML 里是 {[child.tag for child in root]}")


@LISTING.check(42, "XML 和 JSON 说的一样")
async def same_in_both(server: Server) -> None:
    """Field by field."""
    for number in _ids(await _some(server))[:_COMPARED]:
        one, other = await _in_both(server, number)
        for name in one.keys() | other.keys():
            must(
                same(one.get(name), other.get(name)),
                f"{number} 的 {name}：{one.get(name)!r} 和 {other.get(name)!r}",
            )


async def _in_both(server: Server, number: str) -> tuple[Any, Any]:
    """A request in JSON and XML of one moment: one that changed between them is asked for again."""
    for _ in range(_TRIES):
        (one,) = await server.rows(f"requests/{number}", JSON)
        (other,) = await server.rows(f"requests/{number}", XML)
        (again,) = await server.rows(f"requests/{number}", JSON)
        if one == again:
            break
    return one, other


@LISTING.check(43, "办结的更新时间是办结时间")
async def closed_when(server: Server) -> None:
    """From outside: there, not before the request, not to come, and the same when asked again."""
    closed = await server.rows("requests", status="closed")
    if not closed:
        raise Skipped("90 天内没有公开的办结诉求")
    now = datetime.now(UTC) + _SLACK
    for row in closed[:_COMPARED]:
        asked, ended = moment(row["requested_datetime"]), moment(row.get("updated_datetime"))
        must(
            asked and ended and asked <= ended <= now,
            f"{row['service_request_id']}：{row.get('updated_datetime')}",
        )
    (again,) = await server.rows(f"requests/{closed[0]['service_request_id']}")
    must(again["updated_datetime"] == closed[0]["updated_datetime"], "办结时间会变")


@LISTING.check(44, "expected_datetime 是办理时限")
async def expected(server: Server) -> None:
    """From outside: a moment after the request."""
    rows = [row for row in await _some(server) if row.get("expected_datetime")]
    if not rows:
        raise Skipped("没有写明 expected_datetime 的诉求")
    for row in rows:
        asked, due = moment(row["requested_datetime"]), moment(row["expected_datetime"])
        must(asked and due and due >= asked, f"{row['service_request_id']}：{row['expected_datetime']}")


@LISTING.check(45, "时间都带时区")
async def zones(server: Server) -> None:
    """Always."""
    for row in await _some(server):
        for name in _DATES:
            told = row.get(name)
            must(not told or moment(str(told)), f"{row['service_request_id']} 的 {name}：{told}")
        must(row.get("requested_datetime"), f"{row['service_request_id']} 没有 requested_datetime")


@LISTING.check(46, "空参数等于没写")
async def empty_is_absent(server: Server) -> None:
    """In the query and in a posting."""
    bare = _ids(await server.rows("requests"))
    names = ("service_request_id", "service_code", "start_date", "end_date", "status")
    empty = _ids(await server.rows("requests", **dict.fromkeys(names, "")))
    must(set(bare) <= set(empty), f"不写 {len(bare)} 件，写空 {len(empty)} 件")
    if server.key:
        await server.create(email="", phone="", first_name="", media_url="", address_id="", address_string="")


@LISTING.check(47, "中文、生僻字、表情原样往返，U+0000 答 400")
async def every_character(server: Server) -> None:
    """Beyond the basic plane as well."""
    text = f"{_CJK} {mark()}"
    number = await server.posted(text)
    for fmt in (JSON, XML):
        (row,) = await server.rows(f"requests/{number}", fmt)
        must(row["description"] == text, f"{fmt}：提交 {text}，看到 {row['description']}")
    await server.refused(await server.fields(description="零\0字符"), 400)


def _keys(value: Any) -> set[str]:  # noqa: ANN401
    match value:
        case dict():
            return set(value) | {key for inner in value.values() for key in _keys(inner)}
        case list():
            return {key for inner in value for key in _keys(inner)}
        case _:
            return set()


@LISTING.check(48, "任何答复里都没有个人信息")
async def nothing_personal(server: Server) -> None:
    """No such field anywhere, and nothing of what was posted about a person."""
    word = mark()
    person = {"first_name": f"某{word}", "phone": "13912340007", "email": f"{word}@example.org"}
    told = f"工地夜里施工，机器声音很大。我的电话是 {person['phone']} {word[::-1]}"
    number = await server.create(description=told, device_id=f"device-{word}", **person)
    await server.shown(number, told)
    for fmt in (JSON, XML):
        await server.rows(f"requests/{number}", fmt)
        await server.rows("requests", fmt)
        await server.rows("requests", fmt, extensions="true")
    for path, body in server.bodies:
        text = body.decode("utf-8", "replace")
        for name in (*person.values(), f"device-{word}", *server.secrets):
            must(name not in text, f"{path} 里有提交人的信息")
    for path in ("requests", f"requests/{number}"):
        found = _keys((await server.get(path)).tree()) & _PERSONAL
        must(not found, f"{path}.json 有字段 {found}")


@LISTING.check(49, "保密的诉求答 404，列表里没有")
async def hidden(server: Server) -> None:
    """As if it were not there."""
    if not server.hidden:
        raise Skipped("没有给 --hidden：一件保密诉求的编号")
    for fmt in (JSON, XML):
        reply = await server.get(f"requests/{server.hidden}", fmt)
        must(reply.status == 404, f"答复 {reply.status}")  # noqa: PLR2004
        must(server.hidden not in _ids(await server.rows("requests", fmt)), "列表里有它")
        asked = await server.get("requests", fmt, service_request_id=server.hidden)
        must(asked.status == 404 or asked.rows() == [], "按编号查列表看得到它")  # noqa: PLR2004


@LISTING.check(50, "PyPI 客户端 georeport 用两种格式读得到")
async def outside_client(server: Server) -> None:
    """Services, a definition, the list, and the request posted last."""
    if importlib.util.find_spec("georeport") is None:
        raise Skipped("没有安装 georeport")
    module = importlib.import_module("georeport")
    number = await server.create()
    code = next(iter(await server.definitions()))
    for fmt in (JSON, XML):
        client = module.GeoReport(server.client.base, output_format=fmt)
        try:
            services = await asyncio.to_thread(client.get_service_list)
            definition = await asyncio.to_thread(client.get_service_definition, code)
            rows = await asyncio.to_thread(client.get_service_requests)
            one = await asyncio.to_thread(client.get_service_request, number)
        except Exception as error:  # noqa: BLE001  (another's code: whatever it raises is the finding)
            raise Failed(f"{fmt}：georeport 报 {type(error).__name__}") from None
        must(len(services) == len(await server.services()), f"{fmt}：读到 {len(services)} 个服务")
        must(definition["service_code"] == code, f"{fmt}：{definition.get('service_code')}")
        must(one["service_request_id"] == number, f"{fmt}：{one.get('service_request_id')}")
        several = rows if isinstance(rows, list) else [rows]
        must(number in _ids(several), f"{fmt}：列表里没有 {number}")
