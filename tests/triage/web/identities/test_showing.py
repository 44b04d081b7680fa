"""谁看到什么字: who handles the case reads what was typed; everybody else, and lists, read it masked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from models.viewing import ALL, Scope, Viewer
from models.vocab import Post
from tests.factories import TicketIn, add_tickets
from triage.services.identities.showing import shown_text

if TYPE_CHECKING:
    from models.db import Database
    from tests.triage.web.conftest import Client


@pytest.fixture
def db(sqlite_db: Database) -> Database:
    return sqlite_db


SAID = "已联系谢示例女士，电话13800000001，告知结果"
MASKED = "已联系[姓名]女士，电话[手机号]，告知结果"
STREET = "110105026"


def officer(unit: str) -> Viewer:
    return Viewer("o", Scope(units=frozenset({unit}), own=frozenset({unit})))


@pytest.mark.parametrize(
    ("viewer", "handled_by", "told"),
    [
        (officer(STREET), [STREET], SAID),
        (officer("110108010"), [STREET], MASKED),
        (Viewer("clerk", ALL, posts=frozenset({Post.HOTLINE})), [], SAID),
        (Viewer("supervisor", ALL, posts=frozenset({Post.SUPERVISOR})), [STREET], MASKED),
        (Viewer("analyst", Scope()), [STREET], MASKED),
        (officer(STREET), None, MASKED),
        (None, None, MASKED),
        (None, [STREET], MASKED),
    ],
)
def test_who_reads_what(viewer: Viewer | None, handled_by: list[str] | None, told: str) -> None:
    assert shown_text(viewer, SAID, handled_by=handled_by) == told


@pytest.mark.parametrize("path", ["/desk", "/desk?q=谢示例", "/api/v1/tickets", "/desk/due"])
async def test_a_list_a_search_and_the_interface_never_show_what_was_typed(
    client: Client, db: Database, path: str
) -> None:
    await add_tickets(db, TicketIn(title=SAID, text=f"夜里施工。{SAID}"))
    text = await (await client.get(path)).text()
    assert "谢示例女士" not in text
    assert "13800000001" not in text
    assert "[姓名]女士" in text
