"""The part of the OpenAPI document about bulk work."""

from __future__ import annotations

from typing import Any, Final

from models.vocab import Field, Move, Post
from models.vocab_bulk import BulkRow
from triage.web.bulk import views
from triage.web.bulk.asks import FILTERS

SCHEMAS: Final = (views.BulkJobView, views.BulkRows)

_TEXT: Final[dict[str, Any]] = {"type": "string"}
_AS: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["post"],
    "additionalProperties": False,
    "description": "以什么身份；确认、取消、撤销须与建立时相同",
    "properties": {
        "post": {"type": "string", "enum": [post.value for post in Post if post is not Post.SYSTEM]},
        "unit": _TEXT,
        "name": {"type": "string", "maxLength": 20},
    },
}
_DRAFT: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["move", "as"],
    "additionalProperties": False,
    "description": "tickets 与 filter 写一个",
    "properties": {
        "move": {"type": "string", "enum": [move.value for move in Move]},
        "values": {
            "type": "object",
            "additionalProperties": False,
            "description": "对每张都一样的内容；派单不写 unit 时，每张派给各自建议的单位",
            "properties": {field.value: {"type": ["string", "array"], "items": _TEXT} for field in Field},
        },
        "tickets": {"type": "array", "items": _TEXT, "description": "工单编号"},
        "filter": {
            "type": "object",
            "additionalProperties": False,
            "description": "与工单列表的参数相同；空对象为全部未结",
            "properties": dict.fromkeys(FILTERS, _TEXT),
        },
        "as": _AS,
    },
}
_ID: Final[dict[str, Any]] = {
    "name": "id", "in": "path", "required": True, "description": "批次", "schema": {"type": "integer"},
}  # fmt: skip


_STATES: Final[dict[str, Any]] = {"type": "string", "enum": [row.value for row in BulkRow]}


def _answer(schema: str, description: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {"description": description, "content": content}


def _problem(description: str) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": description, "content": content}


def _body(schema: dict[str, Any]) -> dict[str, Any]:
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _query(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "description": description, "schema": schema}


def paths(problems: dict[str, Any]) -> dict[str, Any]:
    """The paths; `problems` are the answers that every path may give."""
    missing = {"404": _problem("没有这一批，或没有这张工单")}
    refused = {
        "403": _problem("没有这项权限或这个岗位，不是从本系统的页面发出，或这一批是别的身份建的"),
        "415": _problem("内容不是 application/json"),
    }
    only_as = {"type": "object", "required": ["as"], "additionalProperties": False, "properties": {"as": _AS}}
    undo = {**only_as, "properties": {"as": _AS, "reason": {"type": "string", "maxLength": 500}}}

    def change(operation: str, summary: str, schema: dict[str, Any], status: str = "200") -> dict[str, Any]:
        answers = {status: _answer("BulkJobView", "这一批"), **problems, **missing, **refused}
        return {
            "post": {
                "operationId": operation,
                "summary": summary,
                "parameters": [_ID],
                "requestBody": _body(schema),
                "responses": answers,
            }
        }

    draft = change("draftBulk", "预览：哪些能办、哪些不能办和为什么；不改动工单", _DRAFT, "201")
    draft["post"]["parameters"] = []
    return {
        "/api/v1/bulk": draft,
        "/api/v1/bulk/{id}": {
            "get": {
                "operationId": "getBulk",
                "summary": "一批的进度和结果",
                "parameters": [_ID],
                "responses": {"200": _answer("BulkJobView", "这一批"), **problems, **missing},
            }
        },
        "/api/v1/bulk/{id}/rows": {
            "get": {
                "operationId": "listBulkRows",
                "summary": "逐张的结果",
                "parameters": [
                    _ID,
                    _query("after", "上一次答复里的 after", {"type": "integer"}),
                    _query("state", "只看一种结果", _STATES),
                ],
                "responses": {"200": _answer("BulkRows", "一页结果"), **problems, **missing},
            }
        },
        "/api/v1/bulk/{id}/start": change("startBulk", "确认办理；重复提交无妨", only_as),
        "/api/v1/bulk/{id}/cancel": change("cancelBulk", "取消没有办完的；办过的不变", only_as),
        "/api/v1/bulk/{id}/undo": change("undoBulk", "预览整批撤销", undo, "201"),
    }
