"""build(settings): everything a process needs, made once; for web, workers, commands and tests alike."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

import triage.tables
from connectors.file_store import FolderStore
from connectors.keys import FileKeys, GivenKeys, KeyRing, RingMaster, VaultError
from connectors.vault import Vault
from models.db import open_database
from triage import datadir
from triage.clock import SystemClock
from triage.errors import SettingsError
from triage.services.deps import Deps

if TYPE_CHECKING:
    from connectors.ports import FileStore
    from triage.clock import Clock
    from triage.settings import Settings


def open_keys(settings: Settings) -> GivenKeys | FileKeys:
    """Where the master keys of the settings are. Raises SettingsError when they are unreadable."""
    try:
        if settings.vault_keys is not None:
            return GivenKeys(KeyRing.parse(settings.vault_keys.get_secret_value()))
        if settings.vault_keys_file is not None:
            return FileKeys(settings.vault_keys_file)
        if settings.database_url and not settings.database_url.startswith("sqlite"):
            raise SettingsError(
                "使用 PostgreSQL 时必须设置 JIESU_VAULT_KEYS 或 JIESU_VAULT_KEYS_FILE：各台机器要用同一套密钥"
            )
        return FileKeys.open_or_create(datadir.own_folder(settings.data_dir) / "vault.key")
    except VaultError as error:
        raise SettingsError(f"身份信息密钥有误：{error}") from None
    except OSError as error:
        raise SettingsError(f"读不了身份信息密钥文件：{error.strerror}") from None


def open_vault(settings: Settings) -> Vault:
    """The vault of the settings. Raises SettingsError when its keys are unreadable."""
    return Vault(RingMaster(open_keys(settings)))


def open_files(settings: Settings) -> FileStore:
    """The file store of the settings; nothing is touched before something is kept."""
    return FolderStore(settings.files)


def build(settings: Settings, *, clock: Clock | None = None, pool_wait: float = 30.0) -> Deps:
    """Open what the settings name. Raises SettingsError and TableError; connects lazily.

    `pool_wait`: seconds until a session that gets no connection gives up.
    """
    vault = open_vault(settings)
    tables = triage.tables.load(settings.tables_dir)
    if settings.database.startswith("sqlite"):
        datadir.own_folder(settings.data_dir)
        if file := sa.make_url(settings.database).database:
            datadir.own_database(Path(file))
    return Deps(
        settings=settings,
        clock=clock or SystemClock(),
        tables=tables,
        db=open_database(settings.database, pool_size=settings.db_pool, pool_wait=pool_wait),
        vault=vault,
    )
