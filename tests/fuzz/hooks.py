"""What schemathesis cannot make up: a key that may post, a service that is there, a signature of a push."""

from __future__ import annotations

import json
import os
import time
from typing import Any

import schemathesis

from connectors.hotline import signing

_SERVICES = ("AIR-01", "NOI-01", "WAT-01")


@schemathesis.hook
def map_body(context: Any, body: Any) -> Any:  # noqa: ANN401
    """Postings of Open311 carry the key; two in three name a real service."""
    if context.operation.path.startswith("/open311/") and isinstance(body, dict):
        pick = len(str(body)) % 4
        body["api_key"] = os.environ["FUZZ_KEY"]
        body["service_code"] = [*_SERVICES, body.get("service_code")][pick]
    return body


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:  # noqa: ANN401
    """A push whose stamp is well-formed is signed now, for its body: what lies behind that is tried too."""
    del context
    if not case.operation.path.startswith("/hooks/") or not isinstance(case.body, dict):
        return
    try:
        signing.read(case.headers or {})
    except signing.Malformed:
        return
    body = json.dumps(case.body).encode()
    signed = signing.request_body("POST", f"/hooks/hotline/{case.path_parameters['source']}", body)
    stamp = signing.stamp(os.environ["FUZZ_PUSH_SECRET"], signed, at=int(time.time()))
    kwargs["data"] = body
    case.headers.update(stamp.headers())
