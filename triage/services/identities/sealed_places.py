"""Where sealed values stand: every column the vault filled, how its rows are walked, what each belongs to.

A new table with sealed columns is one entry here; without it `jiesu keys retire` could lose its values.
A test compares this list with the columns whose comment begins with "sealed".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from models.appeals import Appellant, Source
from models.citizens import CitizenWord
from models.identities import HeldIdentity
from models.notices import Contact
from models.staff import Account, AccountRequest, ProviderAttempt

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from models.db import Base


@dataclass(frozen=True, slots=True)
class SealedPlace:
    """A table: its key, its sealed columns, and for a row and a column what the value belongs to."""

    table: type[Base]
    keys: tuple[str, ...]
    columns: tuple[str, ...]
    belongs_to: Callable[[Mapping[str, Any], str], str]
    beside: tuple[str, ...] = ()
    """Columns that `belongs_to` asks for, besides the key."""

    @property
    def name(self) -> str:
        """The table's name."""
        return str(self.table.__tablename__)


PLACES: Final = (
    SealedPlace(
        Appellant, ("id",), ("name", "phone", "id_number", "original"),
        lambda row, column: f"appellant.{column}:{row['appeal_id']}", beside=("appeal_id",),
    ),
    SealedPlace(Source, ("id",), ("credentials",), lambda row, _: f"source.credentials:{row['id']}"),
    SealedPlace(
        Contact, ("recipient_kind", "recipient", "medium"), ("address",),
        lambda row, _: f"contact.address:{row['recipient_kind']}:{row['recipient']}:{row['medium']}",
    ),
    SealedPlace(
        HeldIdentity, ("holder_kind", "holder", "field"), ("value",),
        lambda row, _: f"held.{row['holder_kind']}:{row['holder']}:{row['field']}",
    ),
    SealedPlace(
        Account, ("staff_id",), ("code_secret", "code_pending"),
        lambda row, column: f"account.{column}:{row['staff_id']}",
    ),
    SealedPlace(
        ProviderAttempt, ("browser_hash",), ("verifier",),
        lambda row, _: f"provider_attempt.verifier:{row['browser_hash']}",
    ),
    SealedPlace(
        CitizenWord, ("id",), ("original",),
        lambda row, _: f"citizen_word:{row['appeal_id']}:{row['key']}", beside=("appeal_id", "key"),
    ),
    SealedPlace(AccountRequest, ("id",), ("half",), lambda row, _: f"account_request.half:{row['id']}"),
)  # fmt: skip
