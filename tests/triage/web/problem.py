"""The one shape of errors, held by everything that expects one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jsonschema

from triage.web.openapi import document

if TYPE_CHECKING:
    from aiohttp import ClientResponse


async def assert_problem(response: ClientResponse, status: int, code: str, words: str) -> None:
    """The response is problem+json of the documented shape; its detail has the words."""
    assert (response.status, response.content_type) == (status, "application/problem+json")
    body = await response.json(content_type=None)
    schema = {"$ref": "#/components/schemas/Problem", "components": document()["components"]}
    jsonschema.Draft202012Validator(schema).validate(body)
    assert (body["status"], body["code"], body["type"]) == (status, code, f"urn:jiesu:problem:{code}")
    assert words in body["detail"]
    assert body["request_id"] == response.headers["X-Request-Id"]
