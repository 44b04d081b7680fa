"""The OpenAPI 3.1 document: paths written here, schemas made from the view classes that are sent."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from pydantic import TypeAdapter

from models.filters import DueWindow, View
from models.vocab import Channel, Corrected, Field, Move, Post, Urgency
from triage.web import call_after, confiding, corrections, keeping, move_views, remarks, views
from triage.web.bulk import openapi as bulk
from triage.web.callers import api as callers
from triage.web.directory import api as directory
from triage.web.leads import api as leads
from triage.web.open311 import openapi as open311
from triage.web.own import pages as own
from triage.web.registering import api as registering
from triage.web.sources import openapi as source_paths
from triage.web.trends import patrolled

_SCHEMAS: Final = (
    views.TicketList,
    views.TicketView,
    views.UnitList,
    views.Problem,
    move_views.MoveList,
    move_views.MoveMade,
    confiding.Confided,
    corrections.CorrectionList,
    *bulk.SCHEMAS,
    *call_after.SCHEMAS,
    *callers.SCHEMAS,
    *directory.SCHEMAS,
    *keeping.SCHEMAS,
    *leads.SCHEMAS,
    *own.SCHEMAS,
    *patrolled.SCHEMAS,
    *registering.SCHEMAS,
    *remarks.SCHEMAS,
    *source_paths.SCHEMAS,
)

_TEXT: Final[dict[str, Any]] = {"type": "string"}
_DATE: Final[dict[str, Any]] = {"type": "string", "format": "date"}
_CURSOR: Final[dict[str, Any]] = {"type": "string", "pattern": r"^[0-9]\.(-?[0-9]{1,18})?\.[0-9]{1,19}$"}

_FILTERS: Final[tuple[tuple[str, str, dict[str, Any]], ...]] = (
    ("state", "状态；不写为全部未结", {"type": "string", "enum": [view.value for view in View]}),
    ("unit", "承办单位编码", {"type": "string", "maxLength": 40}),
    ("district", "区编码（6 位）", {"type": "string", "maxLength": 40}),
    ("kind", "污染种类编码，如 NOI-01", {"type": "string", "maxLength": 40}),
    ("urgency", "紧急程度", {"type": "string", "enum": [urgency.value for urgency in Urgency]}),
    ("due", "到期", {"type": "string", "enum": [due.value for due in DueWindow]}),
    ("review", "1：只看需要人工审核的", {"type": "string", "enum": ["0", "1"]}),
    ("mine", "1：只看我经办的", {"type": "string", "enum": ["0", "1"]}),
    ("q", "搜索标题、正文和编号", {"type": "string", "maxLength": 100}),
    ("counted", "态势页给出的统计范围", {"type": "string", "maxLength": 800}),
    ("received_from", "受理日期起（北京时间的日期，含当日）", _DATE),
    ("received_to", "受理日期止（北京时间的日期，含当日）", _DATE),
    (
        "street",
        "街道乡镇或功能区编码（9 位），须在所选的区里；不写区就是它所在的区",
        {"type": "string", "maxLength": 40},
    ),
    ("channel", "受理渠道", {"type": "string", "enum": [channel.value for channel in Channel]}),
    ("supervised", "1：只看督办中的", {"type": "string", "enum": ["0", "1"]}),
    ("rehandled", "1：只看重办过的", {"type": "string", "enum": ["0", "1"]}),
    ("after", "上一次答复里的 after：下一页", _CURSOR),
    ("before", "上一次答复里的 before：上一页", _CURSOR),
    ("limit", "每页条数，默认 50", {"type": "integer", "minimum": 1, "maximum": 200}),
)


#: How somebody is known; one of them is enough.
_WAYS_IN: Final[dict[str, Any]] = {
    "token": {
        "type": "http", "scheme": "bearer",
        "description": "接口令牌，在网页“我的账号”里建：给程序用，权限是本人的一部分",
    },
    "session": {
        "type": "apiKey", "in": "cookie", "name": "jiesu_session",
        "description": "网页登录的会话；经 TLS 时名为 __Host-jiesu_session",
    },
}  # fmt: skip
_NUMBER: Final[dict[str, Any]] = {
    "name": "no", "in": "path", "required": True, "description": "工单编号", "schema": _TEXT,
}  # fmt: skip
_POSTS: Final[dict[str, Any]] = {
    "type": "string", "enum": [post.value for post in Post if post is not Post.SYSTEM]
}  # fmt: skip
_WISH: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["move", "version", "as"],
    "additionalProperties": False,
    "properties": {
        "move": {"type": "string", "enum": [move.value for move in Move]},
        "version": {"type": "integer", "minimum": 1, "description": "您看到的那一版"},
        "values": {
            "type": "object",
            "additionalProperties": False,
            "description": "这一步要填的内容；单位可写编码或全称，时刻为 ISO 格式（不带时区按北京时间）",
            "properties": {
                field.value: {"type": ["string", "array"], "items": _TEXT, "description": field.label}
                if field is Field.ASSIST
                else {"type": "string", "description": field.label}
                for field in Field
            },
        },
        "files": {
            "type": "array",
            "description": "佐证照片或文件，内容为 base64；大小与个数的上限同网页",
            "items": {
                "type": "object",
                "required": ["name", "content"],
                "additionalProperties": False,
                "properties": {"name": _TEXT, "content": {"type": "string", "contentEncoding": "base64"}},
            },
        },
        "as": {
            "type": "object",
            "required": ["post"],
            "additionalProperties": False,
            "description": "以什么身份：登录者的角色给的岗位，单位为本人的单位",
            "properties": {"post": _POSTS, "unit": _TEXT, "name": {"type": "string", "maxLength": 20}},
        },
    },
}


def _moves(problems: dict[str, Any], missing: dict[str, Any]) -> dict[str, Any]:
    """The path of a ticket's moves."""
    key = {
        "name": "Idempotency-Key", "in": "header", "required": True,
        "description": "提交编号：同一编号重复提交只做一次", "schema": {"type": "string", "maxLength": 64},
    }  # fmt: skip
    refused = {
        "409": _problem("打开之后工单又有变化：detail 说明是谁做了什么"),
        "415": _problem("内容不是 application/json"),
        "422": _problem("现在不能做：detail 写明缺什么、依据哪一条"),
    }
    return {
        "get": {
            "operationId": "listMoves",
            "summary": "现在能做的操作，以及其余为什么不能",
            "parameters": [
                _NUMBER,
                _parameter(
                    "post", "以什么身份；三项都不写时为本人的第一个岗位，写了 unit 或 name 就要写", _POSTS
                ),
                _parameter("unit", "承办单位或区的编码、全称", _TEXT),
                _parameter("name", "姓名或工号", {"type": "string", "maxLength": 20}),
            ],
            "responses": {"200": _answer("MoveList", "全部操作"), **problems, **missing},
        },
        "post": {
            "operationId": "makeMove",
            "summary": "做一步",
            "parameters": [_NUMBER, key],
            "requestBody": {"required": True, "content": {"application/json": {"schema": _WISH}}},
            "responses": {"200": _answer("MoveMade", "做好了"), **problems, **missing, **refused},
        },
    }


def _answer(schema: str, description: str) -> dict[str, Any]:
    return {
        "description": description,
        "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}},
    }


def _problem(description: str) -> dict[str, Any]:
    return {
        "description": description,
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }


def _parameter(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "description": description, "schema": schema}


def _schemas() -> dict[str, Any]:
    """The schemas of all views. Closed: what is not described is not sent."""
    _, found = TypeAdapter.json_schemas(
        [(view.__name__, "serialization", TypeAdapter(view)) for view in _SCHEMAS],
        ref_template="#/components/schemas/{model}",
    )
    schemas: dict[str, Any] = found["$defs"]
    for schema in schemas.values():
        if schema["type"] == "object":
            schema["additionalProperties"] = False
            schema["required"] = list(schema["properties"])
    return schemas


def _guarded(whole: dict[str, Any]) -> dict[str, Any]:
    """The document with what each address says before its handler is asked: who looks, whether they may."""
    refused = {
        "401": _problem("没有登录，或接口令牌无效、已过期、已停用"),
        "403": _problem("没有这项权限或这个岗位，先要换密码或启用验证码，或不是从本系统的页面发出"),
    }
    for path, operations in whole["paths"].items():
        for method, operation in operations.items():
            if not path.startswith("/api/"):
                # Open311 and the hooks: no session is looked at there.
                operation["security"] = []
                continue
            large = {} if method == "get" else {"413": _problem("请求内容过大")}
            operation["responses"] = refused | large | operation["responses"]
    return whole


@cache
def document() -> dict[str, Any]:
    """The whole document, made once."""
    problems = {
        "400": _problem("参数有误：detail 指出是哪一个"),
        "421": _problem("主机名不是本系统的（JIESU_HOSTS）"),
        "500": _problem("系统出错，已记录"),
        "503": _problem("暂时无法服务，请按 Retry-After 再试"),
    }
    missing = {"404": _problem("没有这张工单，或无权查看")}
    whole = {
        "openapi": "3.1.0",
        "info": {
            "title": "接诉 Jiesu API",
            "version": "1",
            "description": "工单的列表、详情和操作，与工作台页面一致。时间为 UTC，带时区。"
            "凭接口令牌或登录会话访问，能看、能做的与本人在网页上的一样；"
            "/open311 不用登录（提交要 api_key），/hooks 由请求头的签名验证。",
        },
        "paths": {
            "/api/v1/tickets": {
                "get": {
                    "operationId": "listTickets",
                    "summary": "工单列表",
                    "parameters": [_parameter(*item) for item in _FILTERS],
                    "responses": {"200": _answer("TicketList", "一页工单"), **problems},
                }
            },
            "/api/v1/tickets/{no}": {
                "get": {
                    "operationId": "getTicket",
                    "summary": "工单详情",
                    "parameters": [_NUMBER],
                    "responses": {"200": _answer("TicketView", "工单"), **problems, **missing},
                }
            },
            "/api/v1/tickets/{no}/moves": _moves(problems, missing),
            "/api/v1/tickets/{no}/corrections": {
                "post": {
                    "operationId": "correctReading",
                    "summary": "更正识别结果：只记录，不改变工单去向",
                    "parameters": [
                        {
                            "name": "no",
                            "in": "path",
                            "required": True,
                            "description": "工单编号",
                            "schema": _TEXT,
                        }
                    ],
                    "requestBody": {
                        "required": True,
                        "content": {
                            "application/json": {
                                "schema": {
                                    "type": "object",
                                    "minProperties": 1,
                                    "additionalProperties": False,
                                    "properties": {
                                        field.value: {"type": "string", "description": field.label}
                                        for field in Corrected
                                    },
                                }
                            }
                        },
                    },
                    "responses": {
                        "201": _answer("CorrectionList", "记下的更正；没有改变的不记"),
                        **problems,
                        **missing,
                        "415": _problem("内容不是 application/json"),
                    },
                }
            },
            **registering.paths(_answer, _problem, problems),
            **callers.paths(_answer, _problem, problems),
            **directory.paths(_answer, _parameter, problems),
            **confiding.paths(_answer, _problem, problems, missing, _NUMBER),
            **call_after.paths(_answer, _problem, problems, missing, _NUMBER),
            **keeping.paths(_answer, _problem, problems, missing, _NUMBER),
            **remarks.paths(_answer, _problem, problems, missing, _NUMBER),
            **own.paths(_answer, _parameter, problems, missing),
            **bulk.paths(problems),
            **patrolled.paths(_answer, problems),
            "/api/v1/units": {
                "get": {
                    "operationId": "findUnits",
                    "summary": "按名称查找承办单位，最多 20 个",
                    "parameters": [_parameter("q", "名称的一部分", {"type": "string", "maxLength": 40})],
                    "responses": {"200": _answer("UnitList", "承办单位"), **problems},
                }
            },
            **leads.paths(problems, _problem("没有这条线索、别人刚刚处理过，或现在不能这样处理")),
            **source_paths.paths(_answer, _problem, problems),
            **open311.paths(),
            "/api/v1/openapi.json": {
                "get": {
                    "operationId": "getOpenApi",
                    "summary": "本文档",
                    "responses": {
                        "200": {
                            "description": "OpenAPI 3.1",
                            "content": {"application/json": {"schema": {"type": "object"}}},
                        },
                        **{status: problems[status] for status in ("421", "500", "503")},
                    },
                }
            },
        },
        "components": {"schemas": _schemas(), "securitySchemes": _WAYS_IN},
        "security": [{way: []} for way in _WAYS_IN],
    }
    return _guarded(whole)
