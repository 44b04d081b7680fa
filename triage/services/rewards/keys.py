"""The vault of 有奖举报: keys of its own, so that who opens a case does not open a claim.

Opened when first asked for: a site without rewards needs no keys for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from connectors.keys import FileKeys, GivenKeys, KeyRing, RingMaster, VaultError
from connectors.vault import Vault
from triage import datadir
from triage.errors import SettingsError

if TYPE_CHECKING:
    from triage.settings import Settings

_FILE: Final = "reward.key"


def reward_ring(settings: Settings) -> KeyRing | None:
    """The keys of rewards as they are; None where there are none. Raises SettingsError."""
    path = settings.data_dir / _FILE
    if settings.reward_keys is None and settings.reward_keys_file is None and not path.exists():
        return None
    return _open(settings).ring(fresh=True)


def open_reward_keys(settings: Settings) -> GivenKeys | FileKeys:
    """Where the keys of rewards are. Raises SettingsError when they are missing or unreadable."""
    given = settings.reward_keys is not None or settings.reward_keys_file is not None
    if not given and settings.database_url and not settings.database_url.startswith("sqlite"):
        raise SettingsError(
            "使用 PostgreSQL 时，办理领奖须设置 JIESU_REWARD_KEYS 或 JIESU_REWARD_KEYS_FILE："
            "与身份信息密钥分开的另一套"
        )
    return _open(settings)


def _open(settings: Settings) -> GivenKeys | FileKeys:
    try:
        if settings.reward_keys_file is not None:
            return FileKeys(settings.reward_keys_file)
        if settings.reward_keys is not None:
            return GivenKeys(KeyRing.parse(settings.reward_keys.get_secret_value()))
        return FileKeys.open_or_create(datadir.own_folder(settings.data_dir) / _FILE)
    except VaultError as error:
        raise SettingsError(f"领奖信息密钥有误：{error}") from None
    except OSError as error:
        raise SettingsError(f"读不了领奖信息密钥文件：{error.strerror}") from None


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
            self._vault = Vault(RingMaster(open_reward_keys(self._settings)))
        return self._vault
