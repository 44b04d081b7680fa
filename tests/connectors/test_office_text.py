"""What no office document can hold is left out of it, whoever wrote it: one sign, and there was no file."""

from __future__ import annotations

import io

import pytest
from docx import Document
from openpyxl import load_workbook

from connectors.office_docx import Paper, Section, Table, document
from connectors.office_text import fit
from connectors.office_xlsx import Column, Sheet, workbook

UNFIT = ["\x00", "\x02", "\x0b", "\x0c", "\x1f", "\ufffe", "\uffff", "\ud800", "\udfff"]


@pytest.mark.parametrize("sign", UNFIT)
def test_a_word_document_without_it(sign: str) -> None:
    said = f"共{sign}3件&<乙>"
    paper = Paper(
        said, said, said, said, said, draft=False, note=said,
        sections=(Section(said, (said,)),), tables=(Table(said, ((said, 1, 2, 3, 4, 5, 6),)),),
    )  # fmt: skip
    made = Document(io.BytesIO(document(paper)))
    assert made.core_properties.title == "共3件&<乙>"
    assert "共3件&<乙>" in [paragraph.text for paragraph in made.paragraphs]


@pytest.mark.parametrize("sign", UNFIT)
def test_a_workbook_without_it(sign: str) -> None:
    said = f"共{sign}3件"
    sheet = Sheet("表", said, said, said, (Column(said), Column("数")), [[said, 3]], [said, 3], (said,), said)
    page = load_workbook(io.BytesIO(workbook([sheet])))["表"]
    told = {cell for row in page.iter_rows(values_only=True) for cell in row}
    assert told == {"共3件", "数", 3, None}


def test_what_can_be_held_stays() -> None:
    assert fit("一\t二\n三\r😀\x85\u2028") == "一\t二\n三\r😀\x85\u2028"
