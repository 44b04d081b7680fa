"""Masked shapes of identities: what stands everywhere that nobody looked at the thing itself."""

from __future__ import annotations

from typing import Final

from models.vocab_identities import IdentityField

_SHORT: Final = 7
_ID_LENGTH: Final = 15
_SEEN: Final = 4


def shape(field: IdentityField, value: str) -> str:
    """张**, 138****5678, 1101**********1234, ****5678; an original text has none."""
    match field:
        case IdentityField.NAME:
            return value[:1] + "**"
        case IdentityField.PHONE if len(value) > _SHORT:
            return f"{value[:3]}****{value[-_SEEN:]}"
        case IdentityField.ID_NUMBER if len(value) >= _ID_LENGTH:
            return value[:_SEEN] + "*" * (len(value) - 2 * _SEEN) + value[-_SEEN:]
        case IdentityField.ACCOUNT if len(value) > _SHORT:
            return "****" + value[-_SEEN:]
        case _:
            return "****"
