"""The part of the OpenAPI document about Open311. The standard has no schema of its own; these are closed."""

from __future__ import annotations

from typing import Any, Final

from models.vocab_citizen import Datatype
from triage.services.open311 import posting

_TEXT: Final[dict[str, Any]] = {"type": "string"}
_MAYBE: Final[dict[str, Any]] = {"type": ["string", "null"]}
_DEGREES: Final[dict[str, Any]] = {"type": ["number", "null"]}
_MOMENT: Final[dict[str, Any]] = {"type": "string", "format": "date-time"}


def _closed(required: tuple[str, ...], /, **properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object", "required": list(required), "additionalProperties": False, "properties": properties
    }  # fmt: skip


def _all(**properties: dict[str, Any]) -> dict[str, Any]:
    return _closed(tuple(properties), **properties)


def _array(items: dict[str, Any], **more: int) -> dict[str, Any]:
    return {"type": "array", "items": items, **more}


_ENDPOINT: Final = _all(
    specification=_TEXT, url=_TEXT, changeset=_MOMENT, type={"enum": ["production", "test"]},
    formats=_array(_TEXT),
)  # fmt: skip
_DISCOVERY: Final = _all(changeset=_MOMENT, contact=_TEXT, key_service=_TEXT, endpoints=_array(_ENDPOINT))
_SERVICE: Final = _all(
    service_code=_TEXT, service_name=_TEXT, description=_TEXT, metadata={"type": "boolean"},
    type={"enum": ["realtime", "batch", "blackbox"]}, keywords=_TEXT, group=_TEXT,
)  # fmt: skip
_ATTRIBUTE: Final = _all(
    variable={"type": "boolean"}, code=_TEXT, datatype={"enum": [kind.value for kind in Datatype]},
    required={"type": "boolean"}, datatype_description=_MAYBE, order={"type": "integer", "minimum": 1},
    description=_TEXT, values=_array(_all(key=_TEXT, name=_TEXT)),
)  # fmt: skip
_DEFINITION: Final = _all(service_code=_TEXT, attributes=_array(_ATTRIBUTE))
_ROW: Final[dict[str, Any]] = {
    "service_request_id": _TEXT, "status": {"enum": ["open", "closed"]}, "status_notes": _MAYBE,
    "service_name": _TEXT, "service_code": _TEXT, "description": _MAYBE, "agency_responsible": _MAYBE,
    "service_notice": _MAYBE, "requested_datetime": _MOMENT, "updated_datetime": _MOMENT,
    "expected_datetime": {"type": ["string", "null"], "format": "date-time"}, "address": _MAYBE,
    "address_id": _MAYBE, "zipcode": _MAYBE, "lat": _DEGREES, "long": _DEGREES, "media_url": _MAYBE,
}  # fmt: skip
_REQUEST: Final = _closed(
    tuple(_ROW),
    **_ROW,
    attributes=_array(_all(code=_TEXT, values=_array(_TEXT))),
    extended_attributes=_all(district=_MAYBE, street=_MAYBE, state=_MAYBE),
)
_TAKEN: Final = _closed(
    ("service_notice", "account_id"), service_request_id=_TEXT, token=_TEXT, service_notice=_TEXT,
    account_id=_MAYBE,
)  # fmt: skip
_TOKEN: Final = _all(service_request_id=_MAYBE, token=_TEXT)
_ERRORS: Final = _array(_all(code={"type": "integer"}, description=_TEXT), minItems=1)

_FORM: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["api_key", "service_code"],
    "properties": {
        "api_key": _TEXT,
        "service_code": _TEXT,
        "lat": {"type": "number", "minimum": -90, "maximum": 90},
        "long": {"type": "number", "minimum": -180, "maximum": 180},
        "address_string": _TEXT,
        "address_id": _TEXT,
        "description": {"type": "string", "maxLength": posting.LONGEST_DESCRIPTION},
        **dict.fromkeys(
            ("email", "device_id", "account_id", "first_name", "last_name", "phone", "media_url"), _TEXT
        ),
        "client_request_id": {"type": "string", "maxLength": 64, "description": "扩展：重复提交只算一件"},
    },
}


def _parameter(name: str, description: str, schema: dict[str, Any], where: str = "query") -> dict[str, Any]:
    return {
        "name": name, "in": where, "required": where == "path", "description": description, "schema": schema
    }  # fmt: skip


_JURISDICTION: Final = _parameter("jurisdiction_id", "辖区；只有一个，可不写", _TEXT)
_FILTERS: Final = (
    _JURISDICTION,
    _parameter("service_request_id", "编号，逗号隔开；写了它，其他条件不算数", _TEXT),
    _parameter("service_code", "服务编码，逗号隔开", _TEXT),
    _parameter("start_date", "起，带时区；与 end_date 最多相距 90 天", _MOMENT),
    _parameter("end_date", "止，带时区", _MOMENT),
    _parameter("status", "open、closed，逗号隔开", _TEXT),
    _parameter(
        "extensions", "扩展：true 另给属性、区、街道、状态", {"type": "string", "enum": ["true", "false"]}
    ),
    _parameter("page", "扩展：第几页", {"type": "integer", "minimum": 1, "maximum": 1000}),
    _parameter("page_size", "扩展：一页几件", {"type": "integer", "minimum": 1, "maximum": 1000}),
)


def _answers(fmt: str, description: str, schema: dict[str, Any], *errors: str) -> dict[str, Any]:
    """The good answer and the error lists; in XML, whose shape no schema describes, as text."""
    kind = "application/json" if fmt == "json" else "text/xml"

    def content(of: dict[str, Any]) -> dict[str, Any]:
        return {kind: {"schema": of if fmt == "json" else _TEXT}}

    told = {
        "400": "有误", "403": "api_key 缺少或有误", "404": "没有这个服务、诉求、凭证或辖区",
        "413": "内容过大", "421": "主机名不是本系统的", "429": "太频繁", "500": "系统出错，已记录",
        "503": "暂时无法服务",
    }  # fmt: skip
    always = ("404", "421", "500", "503")
    return {
        "200": {"description": description, "content": content(schema)},
        **{
            code: {"description": told[code], "content": content(_ERRORS)}
            for code in sorted({*always, *errors})
        },
    }


def paths() -> dict[str, Any]:
    """Every address of the server, in both forms."""
    found: dict[str, Any] = {}
    for fmt in ("xml", "json"):
        name = fmt.capitalize()

        def get(
            operation: str,
            summary: str,
            answers: dict[str, Any],
            *parameters: dict[str, Any],
            name: str = name,
        ) -> dict[str, Any]:
            return {
                "operationId": f"open311{operation}{name}",
                "summary": summary,
                "parameters": list(parameters),
                "responses": answers,
            }

        base = "/open311/v2"
        found[f"{base}/discovery.{fmt}"] = {
            "get": get("Discovery", "接口说明", _answers(fmt, "接口说明", _DISCOVERY))
        }
        found[f"{base}/services.{fmt}"] = {
            "get": get("Services", "服务", _answers(fmt, "服务", _array(_SERVICE)), _JURISDICTION)
        }
        found[f"{base}/services/{{code}}.{fmt}"] = {
            "get": get(
                "Definition", "服务的属性", _answers(fmt, "属性", _DEFINITION),
                _parameter("code", "服务编码", _TEXT, "path"), _JURISDICTION,
            )
        }  # fmt: skip
        found[f"{base}/requests/{{id}}.{fmt}"] = {
            "get": get(
                "Request", "一件诉求", _answers(fmt, "一件的列表", _array(_REQUEST, minItems=1, maxItems=1)),
                _parameter("id", "编号", _TEXT, "path"), _JURISDICTION,
            )
        }  # fmt: skip
        found[f"{base}/tokens/{{token}}.{fmt}"] = {
            "get": get(
                "Token", "凭证换编号", _answers(fmt, "编号", _array(_TOKEN, minItems=1, maxItems=1)),
                _parameter("token", "凭证", _TEXT, "path"), _JURISDICTION,
            )
        }  # fmt: skip
        taken = _answers(
            fmt, "编号或凭证", _array(_TAKEN, minItems=1, maxItems=1), "400", "403", "413", "429"
        )
        found[f"{base}/requests.{fmt}"] = {
            "get": get(
                "Requests", "诉求列表", _answers(fmt, "诉求", _array(_REQUEST), "400"), *_FILTERS
            ),
            "post": {
                **get("Post", "提交诉求", taken),
                "requestBody": {
                    "required": True,
                    "content": {"application/x-www-form-urlencoded": {"schema": _FORM}},
                },
            },
        }  # fmt: skip
    return found
