"""Bytes of a platform → JSON, whatever encoding they are in. Callers: client and web hook."""

from __future__ import annotations

from typing import Any

import orjson


class NotJson(ValueError):
    """内容不是完整的 JSON。"""


def read_json(body: bytes, charset: str | None = None) -> Any:  # noqa: ANN401  (JSON)
    """Read JSON in UTF-8, in what the sender names, or in GB18030, which Chinese platforms write unnamed.

    UTF-8 first, whatever is named: bytes that are sound UTF-8 and hold Chinese are hardly ever anything else,
    and platforms name the wrong one. Raises NotJson, without a word of the content.
    """
    for encoding in ("utf-8-sig", charset, "gb18030"):
        if encoding is None:
            continue
        try:
            text = body.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
        try:
            return orjson.loads(text.encode())
        except (orjson.JSONDecodeError, UnicodeEncodeError):
            continue
    raise NotJson
