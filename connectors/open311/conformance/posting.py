"""Checks 17 to 32: posting a request, and what must be refused. They post only with a key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from connectors.open311.conformance.server import Skipped, errors_of, must
from connectors.open311.conformance.suite import Register, mark
from connectors.open311.wire import JSON, XML

if TYPE_CHECKING:
    from connectors.open311.client import Fields
    from connectors.open311.conformance.server import Server

POSTING: Final = Register()
_MOST: Final = 4000
_MARKUP: Final = '工地夜里施工，机器声音很大。A & B <b>粗体</b> &amp; "引号"'


def _without(fields: Fields, *names: str) -> Fields:
    return [(name, value) for name, value in fields if name not in names]


async def _any(server: Server) -> Fields:
    """A posting that is right but for its key."""
    code = str((await server.services())[0]["service_code"])
    return [("service_code", code), ("lat", str(server.point[0])), ("long", str(server.point[1]))]


@POSTING.check(17, "没有 api_key 的提交答 403 和错误列表")
async def no_key(server: Server) -> None:
    """Nobody posts without a key."""
    await server.refused(await _any(server), 403, key="")


@POSTING.check(18, "api_key 不对的提交答 403")
async def wrong_key(server: Server) -> None:
    """Nor with one that is nobody's."""
    await server.refused(await _any(server), 403, key=f"wrong-{mark()}")


@POSTING.check(19, "没有 service_code 的提交答 400")
async def no_service(server: Server) -> None:
    """A service must be named."""
    await server.refused(_without(await server.fields(), "service_code"), 400)


@POSTING.check(20, "没有的 service_code 答 404")
async def unknown_service(server: Server) -> None:
    """A service that is not there is not found."""
    rest = _without(await server.fields(), "service_code")
    await server.refused([*rest, ("service_code", f"nothing-{mark()}")], 404)


@POSTING.check(21, "没有位置的提交答 400")
async def no_place(server: Server) -> None:
    """Somewhere it must be."""
    await server.refused(_without(await server.fields(), "lat", "long"), 400)


@POSTING.check(22, "只有 lat 没有 long 的答 400")
async def half_a_place(server: Server) -> None:
    """A degree alone is no place."""
    await server.refused(_without(await server.fields(), "long"), 400)
    await server.refused(_without(await server.fields(), "lat"), 400)


@POSTING.check(23, "lat、long 超出范围的答 400")
async def no_such_place(server: Server) -> None:
    """Degrees have ends, and are numbers."""
    rest = _without(await server.fields(), "lat", "long")
    for lat, lon in (
        ("90.1", "116.4"),
        ("39.9", "-180.5"),
        ("x", "116.4"),
        ("nan", "116.4"),
        ("39.9", "inf"),
    ):
        await server.refused([*rest, ("lat", lat), ("long", lon)], 400)


@POSTING.check(24, "缺必填属性的答 400 并指出是哪个")
async def missing_attribute(server: Server) -> None:
    """The answer names what is missing."""
    server.need_key()
    code, item = await server.service_with("required")
    name = f"attribute[{item['code']}]"
    await server.refused(_without(await server.fields(code), name), 400, names=str(item["code"]))


@POSTING.check(25, "没有的选项答 400")
async def unknown_choice(server: Server) -> None:
    """A key that is not among the values."""
    server.need_key()
    code, item = await server.service_with("singlevaluelist")
    name = f"attribute[{item['code']}]"
    fields = _without(await server.fields(code), name)
    await server.refused([*fields, (name, f"nothing-{mark()}")], 400)


@POSTING.check(26, "多选属性可以提交多个值，次序不变")
async def several_choices(server: Server) -> None:
    """Taken; and in order, where the server shows attributes (extension)."""
    server.need_key()
    code, item = await server.service_with("multivaluelist")
    keys = [str(value["key"]) for value in item["values"]][:3][::-1]
    name = f"attribute[{item['code']}]"
    text = f"工地夜里施工，机器声音很大。多选 {mark()}"
    fields = [
        *_without(await server.fields(code, description=text), name),
        *((f"{name}[]", key) for key in keys),
    ]
    reply = await server.client.post(fields)
    must(reply.status in {200, 201}, f"答复 {reply.status}：{reply.body[:200]!r}")
    (row,) = reply.rows()
    number = str(row.get("service_request_id") or await server.resolve(str(row.get("token"))))
    await server.shown(number, text)
    (row,) = await server.rows(f"requests/{number}", extensions="true")
    for attribute in row.get("attributes") or []:
        if attribute.get("code") == item["code"]:
            must(attribute.get("values") == keys, f"提交 {keys}，看到 {attribute.get('values')}")


@POSTING.check(27, "描述 4000 字收，4001 字答 400")
async def longest_description(server: Server) -> None:
    """Characters, not bytes."""
    server.need_key()
    whole = ("工地夜里施工，机器声音很大。" * 300)[:_MOST]
    reply = await server.client.post(await server.fields(description=whole))
    must(reply.status in {200, 201}, f"{_MOST} 字：答复 {reply.status}")
    await server.refused(await server.fields(description=whole + "啊"), 400)


@POSTING.check(28, "描述里的尖括号只转义一次")
async def escaped_once(server: Server) -> None:
    """Markup is refused, taken away or told as it was; never escaped twice."""
    text = f"{_MARKUP} {mark()}"
    reply = await server.client.post(await server.fields(description=text))
    if reply.status == 400:  # noqa: PLR2004
        errors_of(reply)
        return
    number = await server.posted(text)
    for fmt in (JSON, XML):
        (row,) = await server.rows(f"requests/{number}", fmt)
        told = str(row["description"])
        must("&lt;" not in told and "&amp;amp;" not in told, f"{fmt} 转义了两次：{told}")
        must("A & B" in told, f"{fmt}：{told}")


@POSTING.check(29, "提交的答复有编号或凭证，只有一样")
async def id_or_token(server: Server) -> None:
    """service_request_id xor token."""
    for fmt in (JSON, XML):
        reply = await server.client.post(await server.fields(), fmt)
        must(reply.status in {200, 201}, f"{fmt}：答复 {reply.status}")
        rows = reply.rows()
        must(len(rows) == 1, f"{fmt}：答复有 {len(rows)} 件")
        must(bool(rows[0].get("service_request_id")) is not bool(rows[0].get("token")), f"{fmt}：{rows[0]}")


@POSTING.check(30, "凭证后来换得到编号")
async def token_resolves(server: Server) -> None:
    """With an id at once there is nothing to resolve: the id must be of use."""
    (row,) = (await server.client.post(await server.fields())).rows()
    number = row.get("service_request_id") or await server.resolve(str(row.get("token")))
    (found,) = await server.rows(f"requests/{number}")
    must(str(found["service_request_id"]) == str(number), f"问 {number}，答 {found['service_request_id']}")


@POSTING.check(31, "没有的凭证答 404")
async def unknown_token(server: Server) -> None:
    """Not found is told as such."""
    for fmt in (JSON, XML):
        reply = await server.get(f"tokens/nothing-{mark()}", fmt)
        must(reply.status == 404, f"{fmt}：答复 {reply.status}")  # noqa: PLR2004
        errors_of(reply)


@POSTING.check(32, "同一个 client_request_id 得同一个编号（扩展）")
async def idempotent(server: Server) -> None:
    """Sent twice it is one request."""
    name = mark()
    fields = await server.fields(client_request_id=name)
    first, second = [(await server.client.post(fields)).rows()[0] for _ in range(2)]
    told = [row.get("service_request_id") or row.get("token") for row in (first, second)]
    if told[0] != told[1]:
        other = (await server.client.post(await server.fields(client_request_id=mark()))).rows()[0]
        must(other != first, "编号不会变")
        raise Skipped("服务器没有这项扩展：两次得到不同编号")
