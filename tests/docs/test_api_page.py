"""docs/api.md: its tables hold every address of the API and every error that the code can answer with."""

from __future__ import annotations

import importlib
import pkgutil
import re
from typing import TYPE_CHECKING

from aiohttp import web

import triage
from tests.docs.generated import DOCS
from triage.errors import TriageError
from triage.web.app import ROUTES
from triage.web.middlewares import _words_for

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = (DOCS / "api.md").read_text(encoding="utf-8")

#: What a command says and exits with; no request comes to it.
AT_THE_TERMINAL = {
    (409, "reward_under_way"),
    (422, "bad_lines"),
    (500, "bad_archive"),
    (500, "fewer_than_kept"),
    (500, "table_error"),
    (502, "no_server"),
}
#: What aiohttp raises of itself.
OF_HTTP = (
    web.HTTPNotFound(),
    web.HTTPMethodNotAllowed("GET", ["POST"]),
    web.HTTPRequestEntityTooLarge(max_size=1, actual_size=2),
    web.HTTPBadRequest(),
)


def kinds(of: type[TriageError] = TriageError) -> Iterator[type[TriageError]]:
    """Every class of the tree, its root included."""
    yield of
    for kind in of.__subclasses__():
        yield from kinds(kind)


def section(title: str) -> str:
    """What stands below a heading of the second order."""
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_every_error_stands_in_a_table_once_and_nothing_else_does() -> None:
    for module in pkgutil.walk_packages(triage.__path__, "triage."):
        importlib.import_module(module.name)
    ours = {kind for kind in kinds() if kind.__module__.startswith("triage.")}
    told = {(kind.status, kind.code) for kind in ours}
    told |= {(error.status, _words_for(error)[0]) for error in OF_HTTP}
    rows = re.findall(r"^\| (\d{3}) \| ([^|]+) \|", section("Errors"), re.MULTILINE)
    written = [(int(status), code) for status, codes in rows for code in re.findall(r"`(\w+)`", codes)]
    assert sorted(set(written)) == sorted(told - AT_THE_TERMINAL)
    assert len(written) == len(set(written))
    assert told >= AT_THE_TERMINAL


def test_every_address_of_the_api_stands_in_the_table() -> None:
    routes = (item.route for item in ROUTES)
    declared = {(route.method, route.path) for route in routes if route.path.startswith("/api/")}
    written = re.findall(r"`([A-Z]+) (/api/[^`?]+)[^`]*`", section("JSON").partition("Parameters of")[0])
    assert sorted(set(written)) == sorted(declared)
    assert len(written) == len(set(written))
