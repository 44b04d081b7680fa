"""Word documents as government offices lay them out: plain values in, the bytes of a .docx out.

The layout is the file `templates/report.docx` (docxtpl): masthead, issue and date, title, sections, tables.
An office may replace it by its own with the same fields. docxtpl is loaded when a document is made: it takes
half a second.
"""

from __future__ import annotations

import io
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from connectors.office_text import fit

TEMPLATE: Final = Path(__file__).parent / "templates" / "report.docx"


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with its paragraphs."""

    heading: str
    paragraphs: tuple[str, ...]


#: The columns of a table: its lines against the period before.
COLUMNS: Final = ("名称", "本期", "上期", "增减", "未办结", "已解决", "未解决")


@dataclass(frozen=True, slots=True)
class Table:
    """A titled table of seven columns: name, this period, another one, change, open, solved, unsolved."""

    title: str
    rows: tuple[tuple[str | int, ...], ...]
    columns: tuple[str, ...] = COLUMNS


@dataclass(frozen=True, slots=True)
class Paper:
    """A report as it is printed, in any of the forms."""

    masthead: str
    issue: str
    office: str
    date: str
    title: str
    draft: bool
    sections: tuple[Section, ...]
    tables: tuple[Table, ...]
    note: str


def document(paper: Paper) -> bytes:
    """The Word document, ready to be written to a file."""
    from docxtpl import DocxTemplate  # noqa: PLC0415

    made = DocxTemplate(str(TEMPLATE))
    # Values go in escaped: a district called "A&B" is text, not markup.
    made.render(_fit(asdict(paper)), autoescape=True)
    made.core_properties.title = fit(paper.title)
    stream = io.BytesIO()
    made.save(stream)
    return stream.getvalue()


def _fit(value: Any) -> Any:  # noqa: ANN401  (whatever a paper is made of)
    match value:
        case str():
            return fit(value)
        case dict():
            return {name: _fit(one) for name, one in value.items()}
        case list() | tuple():
            return [_fit(one) for one in value]
    return value
