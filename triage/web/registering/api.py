"""登记诉求 as JSON: register an appeal, and how far it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson
from aiohttp import web

from models.vocab import AppealState, Channel, Post, Told
from models.vocab_staff import Permission
from triage.errors import BadInput, NotFound
from triage.services import registered, registering, registration, taking_over
from triage.services.citizen import filing
from triage.services.registration import Typed
from triage.web import access, asking, evidence
from triage.web.acting import Acting
from triage.web.keys import CACHES, DEPS, VIEWER
from triage.web.moves import KEY
from triage.web.present import term
from triage.web.registering.views import AppealView, SameNumber

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from triage.services.registered import Progress, Same

_MOST_ID: Final = 10**18 - 1
_TEXTS: Final = (
    "channel",
    "title",
    "text",
    "place",
    "name",
    "phone",
    "received_at",
    "number",
    "answer",
    "told_citizen",
)
_FLAGS: Final = ("anonymous", "confidential", "carry")
_BODY: Final = (*_TEXTS, *_FLAGS, "failed", "files")
#: A field of the form as the body calls it.
_CALLED: Final = {
    "how": "channel",
    "received": "received_at",
    "form": KEY,
    "told": "told_citizen",
    "answered": "answer",
}


def id_of(request: web.Request) -> int:
    """The appeal of the address. Raises NotFound."""
    found = asking.number_of(request.match_info["id"], most=_MOST_ID)
    if found is None:
        raise NotFound("没有登记过这件诉求，或您无权查看。")
    return found


async def made(request: web.Request) -> web.Response:
    """POST /api/v1/appeals. Raises BadInput naming the field, FormReused, NotFound, NotGivenUp, NotReady."""
    deps, viewer = request.app[DEPS], request[VIEWER]
    body = await asking.json_object(request, _BODY)
    typed = _typed(body, request.headers.get(KEY, ""))
    async with deps.db.reads() as session:
        filled = await taking_over.filled_in(session, viewer, typed.failed)
        found, faults = registration.check(typed, now=deps.clock.now(), shown=filled)
        if found is not None and (wrong := await registering.number_fault(session, found.number)):
            faults["number"] = wrong
    if found is None or faults:
        raise BadInput("；".join(f"{_CALLED.get(name, name)}：{words}" for name, words in faults.items()))
    files = await evidence.kept_encoded(request, body.get("files"), pdf=False)
    async with deps.db.writes.begin() as session:
        done = await registering.register(
            session, deps, viewer, found, files=files.files, hashes=files.hashes,
            by=Acting(viewer, Post.HOTLINE).person(deps.tables), now=deps.clock.now(),
        )  # fmt: skip
    request.app[CACHES].forget_today(viewer)
    return await _view(request, done.appeal_id, status=200 if done.repeated else 201)


async def shown(request: web.Request) -> web.Response:
    """GET /api/v1/appeals/{id}. Raises NotFound."""
    return await _view(request, id_of(request))


async def _view(request: web.Request, appeal_id: int, *, status: int = 200) -> web.Response:
    async with request.app[DEPS].db.reads() as session:
        case = await registered.progress(session, request[VIEWER], appeal_id)
        same = await registered.bearing(session, request[VIEWER], case.number, besides=appeal_id)
    body = orjson.dumps(view(case, same), option=orjson.OPT_UTC_Z)
    return web.Response(status=status, body=body, content_type="application/json", charset="utf-8")


def view(case: Progress, same: tuple[Same, ...]) -> AppealView:
    """The case as it is sent."""
    return AppealView(
        id=case.appeal_id, state=term(AppealState, case.state.value), ticket=case.no,
        channel=term(Channel, case.channel), number=case.number, confidential=case.confidential,
        received_at=case.received_at, registered_at=case.stored_at,
        same_number=tuple(SameNumber(one.appeal_id, one.no, one.state, one.source) for one in same),
    )  # fmt: skip


def _typed(body: Mapping[str, Any], key: str) -> Typed:
    """The body as the form that it stands for. Raises BadInput naming the field."""

    def text(name: str) -> str:
        value = body.get(name) or ""
        if not isinstance(value, str):
            raise BadInput(f"{name} 应是文字")
        return value

    def flag(name: str) -> bool:
        value = body.get(name) or False
        if not isinstance(value, bool):
            raise BadInput(f"{name} 应是 true 或 false")
        return value

    failed = body.get("failed")
    if failed is not None and (
        isinstance(failed, bool) or not isinstance(failed, int) or not 0 < failed <= _MOST_ID
    ):
        raise BadInput("failed 应是处理失败的诉求的编号")
    return Typed(
        key=key, how=text("channel"), title=text("title"), text=text("text"), place=text("place"),
        name=text("name"), phone=text("phone"), anonymous=flag("anonymous"),
        confidential=flag("confidential"), received=text("received_at"), number=text("number"),
        failed=failed, carry=flag("carry"), answered=bool(text("answer") or text("told_citizen")),
        answer=text("answer"), told=text("told_citizen"),
    )  # fmt: skip


SCHEMAS: Final = (AppealView,)


def paths(
    answer: Callable[[str, str], dict[str, Any]],
    problem: Callable[[str], dict[str, Any]],
    problems: dict[str, Any],
) -> dict[str, Any]:
    """The paths of registering for the OpenAPI document."""
    text = {"type": "string"}
    channels = {"type": "string", "enum": [how.value for how in registration.HOW]}
    said = {
        "channel": {**channels, "description": "怎样来的"},
        "title": {**text, "maxLength": registration.LONGEST_TITLE, "description": "标题，可不写"},
        "text": {
            **text, "minLength": filing.SHORTEST_TEXT, "maxLength": filing.LONGEST_TEXT,
            "description": "什么事；其中的身份信息会遮盖，原文封存",
        },
        "place": {**text, "maxLength": filing.LONGEST_PLACE, "description": "在哪里"},
        "name": {**text, "description": "诉求人姓名，封存"},
        "phone": {**text, "description": "诉求人电话，封存；匿名时姓名、电话都不写"},
        "anonymous": {"type": "boolean", "description": "诉求人不愿留姓名和电话"},
        "confidential": {"type": "boolean", "description": "要求保密"},
        "received_at": {**text, "description": "何时提出，ISO 格式，不带时区按北京时间；不写为现在"},
        "number": {**text, "maxLength": registration.LONGEST_NUMBER, "description": "平台编号，按它能查到"},
        "answer": {
            **text, "minLength": registration.SHORTEST_ANSWER, "maxLength": registration.LONGEST_ANSWER,
            "description": "已当场答复的话，诉求人看得到；写了就要写 told_citizen。不能当场办结的留给人看",
        },
        "told_citizen": {
            "type": "string", "enum": [one.value for one in Told], "description": "怎样告诉诉求人的",
        },
        "failed": {
            "type": "integer", "minimum": 1, "maximum": _MOST_ID, "description": "代替哪一条处理失败的诉求",
        },
        "carry": {"type": "boolean", "description": "沿用那条诉求封存的姓名和电话"},
        "files": {
            "type": "array", "description": "照片，内容为 base64；大小与个数的上限同网页",
            "items": {
                "type": "object", "required": ["name", "content"], "additionalProperties": False,
                "properties": {"name": text, "content": {**text, "contentEncoding": "base64"}},
            },
        },
    }  # fmt: skip
    body = {
        "type": "object",
        "required": ["channel", "text"],
        "additionalProperties": False,
        "properties": said,
    }
    key = {
        "name": KEY, "in": "header", "required": True, "description": "提交编号：同一编号重复提交只登记一件",
        "schema": {**text, "minLength": 1, "maxLength": registration.LONGEST_KEY},
    }  # fmt: skip
    number = {
        "name": "id", "in": "path", "required": True, "description": "诉求的编号，登记时给出",
        "schema": {"type": "integer", "minimum": 1, "maximum": _MOST_ID},
    }  # fmt: skip
    missing = {"404": problem("没有这件诉求，或无权查看")}
    return {
        "/api/v1/appeals": {
            "post": {
                "operationId": "registerAppeal",
                "summary": "人工登记一件诉求：随后识别、成单，与其他来源的一样",
                "parameters": [key],
                "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
                "responses": {
                    "201": answer("AppealView", "登记好了"),
                    "200": answer("AppealView", "这个提交编号先前已登记，没有再登记"),
                    **problems, **missing,
                    "409": problem("提交编号用在了不同的内容上，或那条处理失败的诉求已有人重试、登记"),
                    "415": problem("内容不是 application/json"),
                },
            }
        },
        "/api/v1/appeals/{id}": {
            "get": {
                "operationId": "getRegistered",
                "summary": "人工登记的诉求到了哪一步：成单后有工单编号",
                "parameters": [number],
                "responses": {"200": answer("AppealView", "现在的情况"), **problems, **missing},
            }
        },
    }  # fmt: skip


ROUTES: Final = (
    access.post("/api/v1/appeals", made, needs=Permission.INTAKE),
    access.get("/api/v1/appeals/{id}", shown, needs=Permission.INTAKE),
)
