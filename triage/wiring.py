"""build(settings): everything a process needs, made once; for web, workers, commands and tests alike."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

import triage.tables
from connectors.file_store import FolderStore
from connectors.vault import Vault, VaultError
from models.db import open_database
from triage import datadir
from triage.clock import SystemClock
from triage.errors import SettingsError
from triage.services.deps import Deps

if TYPE_CHECKING:
    from connectors.ports import FileStore
    from triage.clock import Clock
    from triage.settings import Settings


def open_vault(settings: Settings) -> Vault:
    """The vault of the settings. Raises SettingsError when its keys are unreadable."""
    try:
        if settings.vault_keys is not None:
            return Vault.parse(settings.vault_keys.get_secret_value())
        if settings.database_url and not settings.database_url.startswith("sqlite"):
            raise SettingsError("使用 PostgreSQL 时必须设置 JIESU_VAULT_KEYS：各台机器要用同一套密钥")
        return Vault.open_or_create(datadir.own_folder(settings.data_dir) / "vault.key")
    except VaultError as error:
        raise SettingsError(f"身份信息密钥有误：{error}") from None


def open_files(settings: Settings) -> FileStore:
    """The file store of the settings; nothing is touched before something is kept."""
    return FolderStore(settings.files)


def build(settings: Settings, *, clock: Clock | None = None) -> Deps:
    """Open what the settings name. Raises SettingsError and TableError; connects lazily."""
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
        db=open_database(settings.database, pool_size=settings.db_pool),
        vault=vault,
    )
