"""Secrets in files: `JIESU_SMTP_URL_FILE=/run/secrets/smtp` instead of the secret in the environment.

Not `JIESU_VAULT_KEYS_FILE` and `JIESU_REWARD_KEYS_FILE`, which `connectors/keys.py` reads and writes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

#: Every setting that holds a secret, or an address that may hold a password.
SECRETS: Final = (
    "database_url",
    "redis_url",
    "vault_keys",
    "reward_keys",
    "backup_keys",
    "metrics_token",
    "oidc_client_secret",
    "sms_secret",
    "wecom_secret",
    "smtp_url",
)
#: Rings of keys: the file itself is kept, for keys are added to it while processes run.
RINGS: Final = ("vault_keys", "reward_keys")
READ_ONCE: Final = tuple(name for name in SECRETS if name not in RINGS)
_LONGEST: Final = 1 << 16


def with_secrets(values: dict[str, Any]) -> dict[str, Any]:
    """The settings with each secret that stands in a file. Raises ValueError without a word of a secret.

    Blanks around a value are no part of it, and one of blanks alone sets nothing: a token of two blanks is
    one that anybody guesses, and a folder of that name is not the one that was meant.
    """
    stripped = {name: value.strip() if isinstance(value, str) else value for name, value in values.items()}
    values = {name: value for name, value in stripped.items() if value != ""}
    found = dict(values)
    for name in SECRETS:
        path = values.get(f"{name}_file")
        if path is None:
            continue
        if values.get(name) is not None:
            raise ValueError(f"JIESU_{name.upper()} 与 JIESU_{name.upper()}_FILE 只能设一个")
        if name == "vault_keys":
            continue  # whatever starts opens it at once, and says what is wrong with it
        content = _content(name, Path(path))
        if name in READ_ONCE:
            found[name] = content
    return found


def _content(name: str, path: Path) -> str:
    told = f"JIESU_{name.upper()}_FILE"
    try:
        with path.open("rb") as file:
            raw = file.read(_LONGEST + 1)
    except OSError as error:
        raise ValueError(f"{told} 读不了：{error.strerror}") from None
    try:
        text = raw.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        text = ""
    if len(raw) > _LONGEST:
        raise ValueError(f"{told} 太大：最多 {_LONGEST} 字节，可能指错了文件")
    if not text or "\0" in text:
        raise ValueError(f"{told} 是空的，或不是文字")
    return text
