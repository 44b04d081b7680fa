"""What a setting may say: what nobody can use is refused at the start, by name, and blanks are nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from connectors.queue import connect
from triage.clock import SystemClock
from triage.errors import SettingsError
from triage.services.notices.messengers import open_messengers
from triage.settings import Settings, load_settings

HIDDEN = "hunter2hunter2"
NEVER_EMPTY = ("vault_keys", "reward_keys", "database_url", "redis_url")


def given(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    for name, value in values.items():
        monkeypatch.setenv(f"JIESU_{name.upper()}", value)


def test_a_line_of_blanks_sets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A token of two blanks let in whoever sent two, and `files` lay in a folder of that name."""
    names = {name for name in Settings.model_fields if name.removesuffix("_file") not in NEVER_EMPTY}
    given(monkeypatch, **dict.fromkeys(names, " \t"))
    assert load_settings() == Settings.model_construct()


@pytest.mark.parametrize("name", [f"{name}{end}" for name in NEVER_EMPTY for end in ("", "_file")])
def test_nor_does_a_new_key_or_database_take_its_place(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, **{name: "  "})
    with pytest.raises(SettingsError, match=rf"^系统设置有误：JIESU_{name.upper()}：是空的"):
        load_settings()


def test_blanks_around_a_value_are_no_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, host=" 127.0.0.1 ", tls="true\r", metrics_token=f" {HIDDEN} ", files_dir="/a b ")
    found = load_settings()
    assert (found.host, found.tls, found.files) == ("127.0.0.1", True, Path("/a b"))
    assert found.metrics_token == SecretStr(HIDDEN)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("redis_url", f"redis://:{HIDDEN}@h:6379/jiesu2", "库号应是数字"),
        ("redis_url", f"redis://:{HIDDEN}@h/1/2", "库号应是数字"),
        ("redis_url", f"redis://:{HIDDEN}@h:0", "端口应是 1 到 65535 的数"),
        ("redis_url", f"rediss://:{HIDDEN}@h:0/2", "端口应是 1 到 65535 的数"),
        ("redis_url", f"redis://:{HIDDEN}@h:65536", "应形如 redis://"),
        ("redis_url", f"redis://:{HIDDEN}@h?foo=bar", "不认识的参数"),
        ("redis_url", f"rediss://:{HIDDEN}@h?ssl_cert_reqs=maybe", "不认识的参数或值"),
        ("database_url", f"postgresql+asyncpg://a:{HIDDEN}@h:99999/x", "端口应是"),
        ("database_url", f"postgresql+asyncpg://a:{HIDDEN}@/x?host=a:5432&host=b:0", "主机或端口有误"),
        ("database_url", f"postgresql+asyncpg://a:{HIDDEN}@/x?host=a,b&port=5432,x", "主机或端口有误"),
        (
            "database_url",
            f"postgresql+asyncpg://a:{HIDDEN}@h/x?command_timeout=abc",
            "command_timeout 应是数字",
        ),
        (
            "database_url",
            f"postgresql+asyncpg://a:{HIDDEN}@h/x?prepared_statement_cache_size=1.5",
            "应是数字",
        ),
        ("sms_url", f"sms.example/{HIDDEN}", "应形如 https://"),
        ("sms_url", f"https://h:x/{HIDDEN}", "应形如 https://"),
        ("wecom_url", f"ftp://{HIDDEN}", "应形如 https://"),
        ("otlp_endpoint", f"https:///{HIDDEN}", "应形如 https://"),
        ("smtp_url", f"mail.example:25/{HIDDEN}", "应形如 smtp://"),
        ("smtp_url", f"smtp://a:{HIDDEN}@h?tls=off", "tls=none"),
    ],
)
def test_an_address_that_nobody_can_use_is_refused_by_its_name(
    name: str, value: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given(monkeypatch, **{"sms_secret": "x", "smtp_from": "a@b.example", name: value})
    with pytest.raises(SettingsError, match=rf"^系统设置有误：JIESU_{name.upper()}：[^；]*{told}") as refused:
        load_settings()
    assert HIDDEN not in str(refused.value)


@pytest.mark.parametrize(
    ("address", "database"),
    [
        ("redis://h", None), ("redis://h/", None), ("redis://h:6379/2", 2), ("redis://h/2/", 2),
        ("redis://h?db=3&socket_timeout=5", 3), ("unix:///run/v.sock?db=1", 1), ("unix:///run/v/a b", None),
        ("rediss://u:p%3F@h/1?ssl_cert_reqs=none&max_connections=9", 1),
    ],
)  # fmt: skip
def test_addresses_of_redis_mean_what_they_say(
    address: str, database: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    given(monkeypatch, redis_url=address)
    client = connect(load_settings().redis)
    assert client.connection_pool.connection_kwargs.get("db") == database
    client.close()


@pytest.mark.parametrize(
    "address",
    [
        "postgresql+asyncpg://a:b@[::1]:5432/x",
        "postgresql+asyncpg://a:b@/x?host=/run/postgresql&command_timeout=2.5",
        "postgresql+asyncpg://a:b@/x?host=a,b&port=5432,5433",
        "postgresql+asyncpg://a:b@/x?host=a:5432&host=b:5433",
        "postgresql+asyncpg://a:b@/x?host=::1&command_timeout=0.5",
    ],
)
def test_addresses_of_postgresql_that_its_driver_takes(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, database_url=address)
    assert load_settings().database == address


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"sms_url": "https://h"}, "设了 JIESU_SMS_URL，还要设 JIESU_SMS_SECRET"),
        ({"wecom_corp": "c"}, "设了 JIESU_WECOM_CORP，还要设 JIESU_WECOM_SECRET 和 JIESU_WECOM_AGENT"),
        ({"wecom_corp": "c", "wecom_secret": HIDDEN}, "还要设 JIESU_WECOM_SECRET 和 JIESU_WECOM_AGENT"),
        ({"smtp_url": "smtp://h", "smtp_from": " "}, "设了 JIESU_SMTP_URL，还要设 JIESU_SMTP_FROM"),
    ],
)
def test_half_a_setting_is_refused_by_whatever_starts(
    values: dict[str, str], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The timetable alone died of it, again and again, while `jiesu run` said that it had started."""
    given(monkeypatch, **values)
    with pytest.raises(SettingsError, match=rf"^系统设置有误：(设了.*)?{told}$"):
        load_settings()


def test_whole_settings_open_all_messengers(monkeypatch: pytest.MonkeyPatch) -> None:
    sms = {"sms_url": "http://10.0.0.9:8080/send", "sms_secret": "x"}
    wecom = {"wecom_robots": "true", "wecom_corp": "c", "wecom_secret": "x", "wecom_agent": "1"}
    mail = {"smtp_url": "smtp://u:p%40@mail.example:587", "smtp_from": "a@b.example"}
    given(monkeypatch, **sms, **wecom, **mail)
    assert len(open_messengers(load_settings(), SystemClock())) == 4
