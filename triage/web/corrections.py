"""更正 of a reading: the form on the ticket's page, and the same by JSON."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003  (read at run time: the OpenAPI document)
from typing import TYPE_CHECKING

import orjson
from aiohttp import hdrs, web

from models import corrections
from models.vocab import AppealType, Corrected, Urgency
from triage.errors import BadInput
from triage.rules.answering import type_of
from triage.services import correcting
from triage.web import communities, guard
from triage.web.desks.live import BOARD
from triage.web.keys import CACHES, DEPS, VIEWER

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.appeals import Reading
    from models.corrections import Correction
    from triage.web.names import Names


@dataclass(frozen=True, slots=True)
class CorrectionView:
    """更正: one field, what was held before and what a person says; codes as in the tables."""

    field: str
    field_label: str
    old: str | None
    new: str
    by: str
    at: datetime
    model_version: str
    community: str | None
    """Of a place: the community that was picked; "" where the street alone was; null: as read, or none."""


@dataclass(frozen=True, slots=True)
class CorrectionList:
    """The corrections that were kept; none when nothing was changed."""

    items: tuple[CorrectionView, ...]


@dataclass(frozen=True, slots=True)
class FormField:
    """A field of the form: its options by group (the group may be nameless), the one held now."""

    name: str
    label: str
    groups: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
    held: str | None


@dataclass(frozen=True, slots=True)
class CorrectingView:
    """What the partial `desk/corrections.html` shows; `old` and `new` in words."""

    no: str
    fields: tuple[FormField, ...]
    known: tuple[CorrectionView, ...]
    token_field: str
    token: str


async def view(
    session: AsyncSession,
    no: str,
    ticket_id: int,
    reading: Reading | None,
    told_type: str | None,
    *,
    names: Names,
    token: str,
    may: bool,
) -> CorrectingView | None:
    """The corrections so far, and the form (its fields) for who `may` correct; None where neither is."""
    if reading is None:
        return None
    known = await corrections.of_ticket(session, ticket_id)
    if not known and not may:
        return None
    held = correcting.as_held(reading, known, told_type)
    said = next((item.new for item in reversed(known) if item.field == Corrected.APPEAL_TYPE.value), None)
    # As the page shows it: what its source calls a report stays one, whatever a clerk says.
    held[Corrected.APPEAL_TYPE] = type_of(reading.appeal_type, said, told_type).value
    options = _options(names)
    picked = await communities.names({item.community for item in known if item.community})
    streets = {code: name for code, (name, _) in names.streets.items()}
    words = {**names.units, **streets, **_words(options), **picked}
    return CorrectingView(
        no=no,
        # A place is corrected where its candidates and the map are (`place_picking`): not twice on a page.
        fields=tuple(
            FormField(f.value, f.label, options[f], held[f])
            for f in options
            if may and f is not Corrected.PLACE
        ),
        known=tuple(_shown(item, words) for item in known),
        token_field=guard.FIELD,
        token=token,
    )


async def post_json(request: web.Request) -> web.Response:
    """更正识别结果, by JSON: an object of field and value. Raises BadInput, NotFound."""
    try:
        said = orjson.loads(await request.read())
    except orjson.JSONDecodeError:
        raise BadInput("请求内容不是 JSON") from None
    if not isinstance(said, dict) or not all(isinstance(value, str) for value in said.values()):
        raise BadInput('请求内容应是一个对象，各项的值为文字，如 {"kind": "NOI-01"}')
    kept = await _keep(request, said)
    found = CorrectionList(tuple(_shown(item, {}) for item in kept))
    return web.Response(
        status=web.HTTPCreated.status_code,
        body=orjson.dumps(found, option=orjson.OPT_UTC_Z),
        content_type="application/json",
        charset="utf-8",
    )


async def post_form(request: web.Request) -> web.Response:
    """更正识别结果, from the ticket's page; leads back to it. Raises BadInput, NotFound."""
    form = await request.post()
    known = {field.value for field in Corrected}
    said = {name: value for name, value in form.items() if name in known and isinstance(value, str) and value}
    await _keep(request, said)
    no = request.match_info["no"]
    return web.Response(
        status=web.HTTPSeeOther.status_code, headers={hdrs.LOCATION: f"/desk/tickets/{no}#corrections"}
    )


async def _keep(request: web.Request, said: Mapping[str, str]) -> Sequence[Correction]:
    deps = request.app[DEPS]
    async with deps.db.writes.begin() as session:
        kept = await correcting.correct(
            session, deps.tables, request[VIEWER], request.match_info["no"], said, at=deps.clock.now()
        )
    # A place that was put right moves the ticket in lists and counts.
    request.app[CACHES].counts.clear()
    request.app[BOARD].tell()
    return kept


def _options(names: Names) -> dict[Corrected, tuple[tuple[str, tuple[tuple[str, str], ...]], ...]]:
    """What can be chosen, with its words."""
    return {
        Corrected.ENVIRONMENTAL: (("", ((correcting.YES, "是"), (correcting.NO, "否"))),),
        Corrected.KIND: tuple(
            (parent, tuple((code, names.kind(code)) for code in codes))
            for parent, codes in names.parents.items()
        ),
        Corrected.APPEAL_TYPE: (("", tuple((item.value, item.label) for item in AppealType)),),
        Corrected.URGENCY: (("", tuple((item.value, f"{item.value} {item.label}") for item in Urgency)),),
        Corrected.PLACE: (("", tuple(names.districts.items())),),
    }


def _words(
    options: Mapping[Corrected, tuple[tuple[str, tuple[tuple[str, str], ...]], ...]],
) -> dict[str, str]:
    return {value: label for groups in options.values() for _, choices in groups for value, label in choices}


def _shown(item: Correction, words: Mapping[str, str]) -> CorrectionView:
    return CorrectionView(
        field=item.field,
        field_label=Corrected(item.field).label,
        old=words.get(item.old, item.old) if item.old else None,
        new=words.get(item.new, item.new) or "无",
        by=item.by,
        at=item.at,
        model_version=item.model_version,
        community=words.get(item.community, item.community) if item.community else item.community,
    )
