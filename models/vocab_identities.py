"""Vocabulary of identities (身份信息). Standard library only."""

from __future__ import annotations

from models.vocab import Labelled


class IdentityField(Labelled):
    """身份信息项: what is revealed, one at a time."""

    NAME = "name", "姓名"
    PHONE = "phone", "电话"
    ID_NUMBER = "id_number", "身份证号"
    ORIGINAL = "original", "未遮盖的原文"
    ACCOUNT = "account", "收款账号"
