"""No row module is forgotten where the schema is compared."""

from __future__ import annotations

from pathlib import Path

import models
from models import everything

HERE = Path(models.__file__).parent


def test_every_module_with_a_table_is_imported() -> None:
    with_tables = {path.stem for path in HERE.glob("*.py") if "__tablename__ =" in path.read_text("utf-8")}
    imported = {name.removeprefix("models.") for name in Path(everything.__file__).read_text("utf-8").split()}
    assert with_tables - imported == set()
    assert "ticket" in everything.metadata.tables
