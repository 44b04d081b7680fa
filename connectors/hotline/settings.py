"""What a platform's source is set to, read from the texts of its row."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class HotlineSettings:
    """One platform. Times in seconds; secrets are left out of `repr`."""

    url: str
    map_name: str = "wide_table"
    page_size: int = 200
    most_pages: int = 50
    """Pages of one window: a longer one is cut in half until it fits."""
    overlap: int = 600
    """How far before its place each pull begins anew: what the platform committed late is still seen."""
    first_days: int = 1
    """How far back the first pull reaches."""
    timeout: int = 20
    replay: int = 300
    """How far a push's clock may be off, and how long its nonce is remembered at least (twice that)."""
    hold_undo: bool = True
    """An action waits until it can no longer be undone."""
    reconcile_hour: int = 1
    """The hour in Beijing from which the day before is reconciled."""
    senders: int = 8
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    token: str | None = field(default=None, repr=False)
    secret: str | None = field(default=None, repr=False)
    push_secret: str | None = field(default=None, repr=False)
    key_password: str | None = field(default=None, repr=False)


def read(settings: Mapping[str, str], credentials: Mapping[str, str]) -> HotlineSettings:
    """The settings of a row; a missing one has its default."""
    numbers = {
        name: int(settings[name])
        for name in (
            "page_size",
            "most_pages",
            "overlap",
            "first_days",
            "timeout",
            "replay",
            "reconcile_hour",
            "senders",
        )
        if settings.get(name)
    }
    return HotlineSettings(
        url=settings["url"].rstrip("/"),
        map_name=settings.get("map_name") or "wide_table",
        hold_undo=settings.get("hold_undo", "yes") != "no",
        ca_file=settings.get("ca_file"),
        cert_file=settings.get("cert_file"),
        key_file=settings.get("key_file"),
        token=credentials.get("token"),
        secret=credentials.get("secret"),
        push_secret=credentials.get("push_secret"),
        key_password=credentials.get("key_password"),
        **numbers,
    )
