"""备份密钥: a ring of its own, and which keys of the vaults a backup needs (their ids, never the keys)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from connectors.keys import KeyRing, VaultError
from triage.errors import BadInput, SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from triage.settings import Settings

#: By ring and id: a mark by which the same key is known again, and nothing of the key is told.
Needed: TypeAlias = "dict[str, dict[str, str]]"
RINGS: Final = {"vault": "身份信息密钥", "reward": "有奖举报密钥"}
_FIXED: Final = {"index": "盲索引密钥", "audit": "台账签名密钥"}


def backup_ring(settings: Settings, others: Mapping[str, KeyRing]) -> KeyRing:
    """The keys that seal and open backups. Raises SettingsError."""
    ring = given_ring(settings)
    if ring is None:
        raise SettingsError(
            "没有备份密钥：用 jiesu keys backup 文件 生成一把，再设 JIESU_BACKUP_KEYS_FILE；"
            "密钥要与备份、与身份信息密钥分开保管"
        )
    for name, other in others.items():
        if set(ring.keys.values()) & {*other.keys.values(), *other.fixed.values()}:
            raise SettingsError(f"备份密钥不能与{RINGS[name]}相同：拿到备份的人就能打开其中的身份信息")
    return ring


def given_ring(settings: Settings) -> KeyRing | None:
    """The ring of the environment, or of JIESU_BACKUP_KEYS_FILE (`secret_files`). Raises SettingsError."""
    if settings.backup_keys is None:
        return None
    try:
        return KeyRing.parse(settings.backup_keys.get_secret_value())
    except VaultError as error:
        raise SettingsError(f"备份密钥有误：{error}") from None


def needed(rings: Mapping[str, KeyRing]) -> Needed:
    """What has to be there to read what a backup holds."""
    return {name: _marks(ring) for name, ring in rings.items()}


def check(wanted: Needed, rings: Mapping[str, KeyRing]) -> None:
    """See that every key is here. Raises BadInput naming those that are not."""
    lacking: list[str] = []
    for name, marks in wanted.items():
        here = _marks(rings[name]) if name in rings else {}
        for key_id, mark in marks.items():
            if here.get(key_id) == mark:
                continue
            what = f"{RINGS[name]} {key_id} 号" if key_id.isdecimal() else f"{RINGS[name]}的{_FIXED[key_id]}"
            lacking.append(f"{what}（{'编号相同但不是同一把' if key_id in here else '没有'}）")
    if lacking:
        raise BadInput(
            f"缺少备份里数据所用的密钥：{'、'.join(lacking)}。备份不含这些密钥，请从另外保管的地方取回后再恢复"
        )


def _marks(ring: KeyRing) -> dict[str, str]:
    keys = {**{str(key_id): key for key_id, key in ring.keys.items()}, **ring.fixed}
    return {name: _mark(key) for name, key in keys.items()}


def _mark(key: bytes) -> str:
    derive = HKDF(algorithm=hashes.SHA256(), length=8, salt=None, info=b"jiesu/backup-mark")
    return derive.derive(key).hex()
