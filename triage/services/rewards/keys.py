"""The vault of 有奖举报: keys of its own, so that who opens a case does not open a claim.

Opened when first asked for: a site without rewards needs no keys for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from connectors.keys import FileKeys, KeyRing
from connectors.vault import Vault, VaultError
from triage import datadir
from triage.errors import SettingsError

if TYPE_CHECKING:
    from triage.settings import Settings

_FILE: Final = "reward.key"


def reward_ring(settings: Settings) -> KeyRing | None:
    """The keys of rewards as they are; None where there are none. Raises SettingsError."""
    path = settings.data_dir / _FILE
    try:
        if settings.reward_keys is not None:
            return KeyRing.parse(settings.reward_keys.get_secret_value())
        return FileKeys(path).ring() if path.exists() else None
    except VaultError as error:
        raise SettingsError(f"领奖信息密钥有误：{error}") from None


class RewardKeys:
    """Gives the vault of rewards, opened once."""

    def __init__(self, settings: Settings) -> None:
        """Note the settings; nothing is touched yet."""
        self._settings = settings
        self._vault: Vault | None = None

    @property
    def vault(self) -> Vault:
        """The vault. Raises SettingsError when its keys are missing or unreadable."""
        if self._vault is None:
            self._vault = self._open()
        return self._vault

    def _open(self) -> Vault:
        s = self._settings
        try:
            if s.reward_keys is not None:
                return Vault.parse(s.reward_keys.get_secret_value())
            if s.database_url and not s.database_url.startswith("sqlite"):
                raise SettingsError(
                    "使用 PostgreSQL 时，办理领奖须设置 JIESU_REWARD_KEYS：与身份信息密钥分开的另一套"
                )
            return Vault.open_or_create(datadir.own_folder(s.data_dir) / _FILE)
        except VaultError as error:
            raise SettingsError(f"领奖信息密钥有误：{error}") from None
