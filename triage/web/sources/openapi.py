"""The OpenAPI paths of sources; `triage.web.openapi` joins them to its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from connectors.hotline import signing
from triage.services.hotline import pushing
from triage.services.sources.editing import LATEST_SECONDS, SOONEST_SECONDS
from triage.services.sources.registry import PULLERS
from triage.web.sources import views

if TYPE_CHECKING:
    from collections.abc import Callable

SCHEMAS: Final = (views.SourceList, views.SourceView, views.TriedView)

_TEXT: Final[dict[str, Any]] = {"type": "string"}
_TEXTS: Final[dict[str, Any]] = {"type": "object", "additionalProperties": _TEXT}
_KEY: Final[dict[str, Any]] = {
    "name": "key", "in": "path", "required": True, "description": "来源的代号", "schema": _TEXT,
}  # fmt: skip
#: What each push is signed with (docs/hotline.md).
_STAMP: Final[tuple[dict[str, Any], ...]] = tuple(
    {
        "name": name, "in": "header", "required": True, "description": what,
        "schema": {"type": "string", "pattern": pattern},
    }
    for name, what, pattern in (
        (signing.TIMESTAMP, "1970 年以来的秒数", "^[0-9]{9,12}$"),
        (signing.NONCE, "随机数，用一次", "^[A-Za-z0-9_-]{16,64}$"),
        (signing.SIGNATURE, "HMAC-SHA256", "^v1=[0-9a-f]{64}$"),
    )
)  # fmt: skip
_COUNT: Final[dict[str, Any]] = {"type": "integer", "minimum": 0}
_PUSHED: Final[dict[str, Any]] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["stored", "repeated", "passed", "changed", "refused"],
    "properties": {
        "stored": {**_COUNT, "description": "新登记的"},
        "repeated": {**_COUNT, "description": "早已登记、内容没有变的，同一批里重复的，以及比已知的更旧的"},
        "passed": {**_COUNT, "description": "平台上已办结或已撤销，没有登记的"},
        "changed": {
            "type": "array",
            "items": {"type": "string"},
            "description": "内容或地址与已登记的不同、没有覆盖的工单编号",
        },
        "refused": {
            "type": "array",
            "description": "不能登记的，各有原因",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["orderNum", "reason"],
                "properties": {"orderNum": {"type": ["string", "null"]}, "reason": {"type": "string"}},
            },
        },
    },
}
_PARTS: Final[dict[str, Any]] = {
    "name": {"type": "string", "minLength": 1, "maxLength": 60, "description": "名称"},
    "every_seconds": {"type": "integer", "minimum": SOONEST_SECONDS, "maximum": LATEST_SECONDS},
    "settings": {**_TEXTS, "description": "设置，各项为文字；有哪些见来源页的表单"},
    "credentials": {**_TEXTS, "description": "凭据：只写入，不会再给出；没有写的保持不变"},
}


def paths(
    answer: Callable[[str, str], dict[str, Any]],
    problem: Callable[[str], dict[str, Any]],
    problems: dict[str, Any],
) -> dict[str, Any]:
    """The paths; what answers and problems look like is the caller's."""
    missing = {"404": problem("没有这个来源")}
    refused = {
        "415": problem("内容不是 application/json"),
    }
    return {
        "/api/v1/sources": {
            "get": {
                "operationId": "listSources",
                "summary": "来源：是什么、是否启用、各项任务跑得怎样",
                "responses": {"200": answer("SourceList", "全部来源"), **problems},
            },
            "post": {
                "operationId": "addSource",
                "summary": "添加来源（停用状态）",
                "requestBody": _body(
                    {
                        "key": {"type": "string", "pattern": "^[a-z0-9][a-z0-9_-]{1,39}$"},
                        "kind": {"type": "string", "enum": [kind.value for kind in PULLERS]},
                        **_PARTS,
                    },
                    ["key", "kind", "name"],
                ),
                "responses": {
                    "201": answer("SourceView", "添加好了"),
                    "409": problem("已有同样代号的来源"),
                    **problems,
                    **refused,
                },
            },
        },
        "/api/v1/sources/{key}": {
            "get": {
                "operationId": "getSource",
                "summary": "一个来源",
                "parameters": [_KEY],
                "responses": {"200": answer("SourceView", "来源"), **problems, **missing},
            },
            "patch": {
                "operationId": "changeSource",
                "summary": "改来源、启用或停用：没有写的项不变",
                "parameters": [_KEY],
                "requestBody": _body(
                    {
                        **_PARTS,
                        "forget": {"type": "array", "items": _TEXT, "description": "要清除的凭据"},
                        "enabled": {"type": "boolean"},
                        "version": {
                            "type": "integer",
                            "minimum": 1,
                            "maximum": 2_147_483_647,
                            "description": "看到的版本：别人改过就答 409；不写则不核对",
                        },
                    },
                    [],
                ),
                "responses": {
                    "200": answer("SourceView", "改好了"),
                    "409": problem("别人刚刚改过这个来源"),
                    **problems,
                    **missing,
                    **refused,
                },
            },
        },
        "/api/v1/sources/{key}/try": {
            "post": {
                "operationId": "trySource",
                "summary": "立即试一次：只问对方，不登记什么",
                "parameters": [_KEY],
                "requestBody": _body({}, []),
                "responses": {"200": answer("TriedView", "试的结果"), **problems, **missing, **refused},
            }
        },
        "/hooks/hotline/{source}": {
            "post": {
                "operationId": "pushOrders",
                "summary": "平台推送工单：请求头签名，各来源一个地址",
                "parameters": [
                    {
                        "name": "source", "in": "path", "required": True, "description": "来源的代号",
                        "schema": {"type": "string", "minLength": 1},
                    },
                    *_STAMP,
                ],
                "requestBody": _body(
                    {
                        "rows": {
                            "type": "array", "minItems": 1, "maxItems": pushing.MOST_ROWS,
                            "items": {"type": "object"},
                            "description": "工单，各项的名称由来源的字段映射定",
                        }
                    },
                    ["rows"],
                ),
                "responses": {
                    "200": {
                        "description": "收下的情况",
                        "content": {"application/json": {"schema": _PUSHED}},
                    },
                    "401": problem("没有通过验证：来源、签名、时间或随机数不对"),
                    "413": problem("请求内容过大"),
                    **problems,
                },
            }
        },
    }  # fmt: skip


def _body(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "type": "object", "additionalProperties": False, "properties": properties, "required": required
    }  # fmt: skip
    return {"required": True, "content": {"application/json": {"schema": schema}}}
