"""All settings, read from the environment in this one place (`JIESU_…`), each with its help text."""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from nlp import WEIGHTS
from triage import addresses
from triage.errors import SettingsError
from triage.secret_files import with_secrets

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_SOCKET_PATH_LIMIT: Final = 100
_LEVELS: Final = (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL)
_LOG_LEVELS: Final = tuple(logging.getLevelName(level) for level in _LEVELS)

#: A secret in a file of its own: what orchestrators mount, and nobody sees in the environment of a process.
_IN_FILE: Final = "写着{}的文件；与直接设置二选一，启动时读一次"

_REPEATS: Final = "把握达到此值{}；不设时用校准的值，实测见 jiesu repeats threshold；自动的不低于提示的"

#: pydantic's faults in Chinese; `error` is what a check of ours raised.
_FAULTS: Final = {
    "value_error": "{error}",
    "int_parsing": "应为整数",
    "int_from_float": "应为整数",
    "float_parsing": "应为数字",
    "bool_parsing": "应为 true 或 false",
    "greater_than_equal": "不能小于 {ge}",
    "less_than_equal": "不能大于 {le}",
}


class Settings(BaseSettings):
    """One frozen object, built once per process and handed on."""

    #: An empty line of .env sets nothing: an empty path would be the current directory.
    model_config = SettingsConfigDict(env_prefix="JIESU_", frozen=True, extra="ignore", env_ignore_empty=True)

    data_dir: Path = Field(Path(".jiesu"), description="嵌入式运行的数据目录(SQLite、Valkey、密钥)")
    database_url: str | None = Field(
        None,
        repr=False,
        description="postgresql+asyncpg://… 或 sqlite+aiosqlite:///…；不设时用数据目录里的 SQLite",
    )
    database_url_file: Path | None = Field(None, description=_IN_FILE.format("数据库地址"))
    redis_url: str | None = Field(
        None, repr=False, description="redis://… 或 unix://…；不设时用内置 Valkey 的套接字"
    )
    redis_url_file: Path | None = Field(None, description=_IN_FILE.format("Redis 地址"))
    vault_keys: SecretStr | None = Field(
        None, description="身份信息密钥，形如 1:base64(32字节)[,2:…]，第一把用于写入；不设时在数据目录生成"
    )
    vault_keys_file: Path | None = Field(
        None, description="身份信息密钥的文件，每行一把，写法同上；改动后各进程几秒内换用，不用重启"
    )
    reward_keys: SecretStr | None = Field(
        None, description="有奖举报的密钥，写法同上，须是另一套；不设时在数据目录生成(SQLite)"
    )
    reward_keys_file: Path | None = Field(None, description="有奖举报密钥的文件，改动后不用重启")
    tables_dir: Path | None = Field(None, description="规则表目录；不设时用随程序发布的表")
    host: str = Field(
        "127.0.0.1",
        description="监听地址；要监听回环以外的地址，先有管理员账号，并设 JIESU_HOSTS 和 JIESU_TLS",
    )
    port: int = Field(8420, ge=1, le=65535, description="监听端口")
    hosts: str = Field(
        "",
        description="对外的主机名，可带端口，多个用逗号隔开，形如 jiesu.example.gov.cn；不设时只在本机访问",
    )
    handler: str = Field("", description="个人信息处理者（单位全称），写在 /citizen/privacy 上")
    handler_contact: str = Field("", description="上述单位受理个人信息请求的电话或地址；不设时写 12345")
    tls: bool = Field(default=False, description="对外是否经过 TLS（由前面的代理终结）；对外提供服务时必须是")
    password_memory_kib: int = Field(65536, ge=8, le=4_194_304, description="argon2id 用多少 KiB 内存")
    password_passes: int = Field(3, ge=1, le=100, description="密码散列 argon2id 算几遍")
    password_lanes: int = Field(4, ge=1, le=64, description="密码散列 argon2id 的并行度")
    oidc_issuer: str | None = Field(
        None, description="统一认证（OpenID Connect）的 issuer 地址；不设就只用本地账号"
    )
    oidc_client_id: str | None = Field(None, description="本系统在统一认证登记的 client_id")
    oidc_client_secret: SecretStr | None = Field(None, description="本系统在统一认证登记的 client_secret")
    oidc_client_secret_file: Path | None = Field(
        None, description=_IN_FILE.format("统一认证的 client_secret")
    )
    oidc_name: str = Field("统一认证", min_length=1, description="统一认证在登录页上的名字")
    oidc_second_factor: bool = Field(
        default=False, description="统一认证是否已经做了二次验证；false 时本系统仍要动态验证码"
    )
    oidc_role_claim: str | None = Field(
        None, description="ID 令牌里写角色的字段；设了才会给没有登记过的人自动建账号"
    )
    oidc_roles: str = Field(
        "",
        description="上述字段的值对应的角色，形如 值=角色 或 值=角色@单位编码，多个用逗号隔开",
    )
    db_pool: int = Field(5, ge=1, le=100, description="每个进程的数据库连接数")
    log_level: str = Field("INFO", description="日志级别")
    log_json: bool = Field(default=False, description="日志输出为 JSON 行")
    metrics_token: SecretStr | None = Field(
        None,
        description="读 /metrics 要带的令牌（Bearer）；不设时网页只在 SQLite、不对外时答本机，其余不答",
    )
    metrics_token_file: Path | None = Field(None, description=_IN_FILE.format("读 /metrics 的令牌"))
    metrics_port: int | None = Field(
        None,
        ge=1,
        le=65535,
        description="work、relay、timetable 的指标端口；被占用时依次用后面 19 个；不设就不开",
    )
    metrics_host: str = Field(
        "127.0.0.1", description="上述端口的监听地址；不是本机回环地址时须设 JIESU_METRICS_TOKEN"
    )
    otlp_endpoint: str | None = Field(
        None,
        description="链路追踪的 OTLP/HTTP 地址，形如 http://127.0.0.1:4318；"
        "不设时用 OTEL_EXPORTER_OTLP_ENDPOINT，都不设就不追踪",
    )
    backup_keys: SecretStr | None = Field(
        None, description="备份的密钥，写法同身份信息密钥，须是另一套；不设时用 JIESU_BACKUP_KEYS_FILE"
    )
    backup_keys_file: Path | None = Field(
        None, description="备份密钥的文件，每行一把；用 jiesu keys backup 生成，须与身份信息密钥分开保管"
    )
    pg_bin: Path | None = Field(
        None, description="PostgreSQL 客户端程序(pg_dump、pg_restore、psql)的目录；不设时自己找"
    )
    batch_size: int = Field(100, ge=1, le=2000, description="处理进程一次取多少条诉求")
    queue_depth: int = Field(10, ge=1, le=1000, description="队列里最多同时有几批，其余留在数据库发件箱")
    claim_seconds: int = Field(30, ge=5, le=3600, description="处理进程占用一条诉求的最长秒数")
    resend_seconds: int = Field(30, ge=1, le=3600, description="已入队但没有结果，多少秒后重发")
    max_attempts: int = Field(3, ge=1, le=20, description="一条诉求最多处理几次，之后进入失败登记")
    bulk_most: int = Field(5000, ge=1, le=100_000, description="一次批量办理最多多少张工单")
    take_back_minutes: int = Field(
        15,
        ge=1,
        le=1440,
        description="内部备注、交接班写下后几分钟内可以撤回，接班几分钟内可以撤销（约定，A）",
    )
    job_timeout: int = Field(30, ge=5, le=600, description="队列任务的超时秒数")
    workers: int = Field(1, ge=1, le=64, description="jiesu run 启动的处理进程数")
    nlp_model: str = Field(
        "builtin",
        description="编码模型：builtin 用随程序发布的权重，lexicon 只用词典，"
        "或一个目录：本程序训练的权重，或 Hugging Face 分类模型",
    )
    nlp_threads: int = Field(1, ge=1, le=64, description="每个处理进程的编码模型用几个线程")
    review_environmental: float = Field(0.7, ge=0.5, le=1, description="是否环境类的把握低于此值时转人工")
    review_kind: float = Field(0.35, ge=0, le=1, description="污染种类的把握低于此值时转人工")
    place_abstain: float | None = Field(
        None, ge=0, le=1, description="地点的把握低于此值时不给地点，只列候选；不设时用校准得到的值"
    )
    place_hint: float | None = Field(
        None, ge=0, le=1, description="只凭来电人登记地区给出的地点，把握记为此值；不设时用词典里的值，转人工"
    )
    place_picks: int = Field(
        2,
        ge=1,
        le=100,
        description="几张工单点选同一地点后，同样的叫法就认作那里（勾选“以后都这样”的一张即可）",
    )
    review_place: float = Field(0.5, ge=0, le=1, description="地点把握低于此值、或另有一区不低于此值时转人工")

    repeats_automatic: bool = Field(
        default=True,
        description="同一来电人再次反映同一事项、把握达到可自动处理时，直接追加到原工单；false 时只提示人工",
    )
    repeats_same: float | None = Field(None, ge=0.5, le=1, description=_REPEATS.format("提示可能是同一事项"))
    repeats_certain: float | None = Field(None, ge=0.5, le=1, description=_REPEATS.format("可自动处理"))

    open_per_address: int = Field(600, ge=1, le=10**6, description="开放数据：同一网络地址每小时最多取几次")
    topics_days: int = Field(30, ge=1, le=366, description="专题：看最近多少天的诉求和线索")
    topics_most: int = Field(
        5000, ge=10, le=50_000, description="专题：一次最多读多少条，多的只读最新的并写明略去几条"
    )
    files_dir: Path | None = Field(None, description="附件库目录，多台机器用同一处；不设时用数据目录的 files")
    upload_megabytes: int = Field(10, ge=1, le=50, description="一个附件最多多少 MB")
    upload_megapixels: int = Field(50, ge=1, le=200, description="一张照片最多多少百万像素")
    upload_files: int = Field(6, ge=1, le=20, description="一次最多几个附件")
    message_seconds: float = Field(15, ge=1, le=120, description="一条外发通知最多等对方多少秒")
    sms_url: str | None = Field(None, description="短信网关的地址；不设就不发短信")
    sms_secret: SecretStr | None = Field(None, description="短信网关的共享密钥，用来给请求签名")
    sms_secret_file: Path | None = Field(None, description=_IN_FILE.format("短信网关的共享密钥"))
    wecom_url: str = Field("https://qyapi.weixin.qq.com", description="企业微信接口的地址")
    wecom_robots: bool = Field(default=False, description="是否用企业微信群机器人发通知")
    wecom_corp: str | None = Field(None, description="企业微信的企业编号；不设就不发应用消息")
    wecom_secret: SecretStr | None = Field(None, description="企业微信应用的密钥")
    wecom_secret_file: Path | None = Field(None, description=_IN_FILE.format("企业微信应用的密钥"))
    wecom_agent: int | None = Field(None, ge=1, description="企业微信应用的编号")
    smtp_url: SecretStr | None = Field(
        None,
        description="邮件服务器，形如 smtp://用户:密码@主机:587 或 smtps://…；不设就不发邮件。smtp:// 须"
        "有 STARTTLS（本机且不用密码的除外）；可信内网里没有的，写 smtp://主机:25?tls=none，内容和密码就是明文",
    )
    smtp_url_file: Path | None = Field(None, description=_IN_FILE.format("邮件服务器地址"))
    smtp_from: str | None = Field(None, description="邮件的发件地址")

    citizen_reports_per_address: int = Field(
        20, ge=1, le=100_000, description="公众页面：同一网络地址每小时最多提交几件"
    )
    citizen_reports_per_phone: int = Field(
        5, ge=1, le=1000, description="公众页面：同一电话每小时最多提交几件"
    )
    citizen_tracks: int = Field(
        30, ge=1, le=100_000, description="公众页面：同一网络地址每小时最多查询几次，同一编号十倍"
    )
    reward_tries: int = Field(
        10, ge=1, le=1000, description="领奖页面：同一网络地址、同一件举报每小时最多试几次码"
    )
    reward_sms: bool = Field(
        default=True, description="奖励待领时给举报人发短信：只说有新的答复，不说奖励；保密举报不发"
    )
    reward_hash_kib: int = Field(
        65_536, ge=8, le=1_048_576, description="领取码的 Argon2id 摘要用多少 KiB 内存"
    )
    citizen_adds_per_case: int = Field(
        5, ge=1, le=1000, description="公众页面：一件诉求每小时最多追加、催办几次"
    )
    feed_private_hosts: str = Field(
        "", description="可以取的内网订阅，形如 主机:端口，多个用逗号隔开；其余内网地址一律不取"
    )
    trusted_proxies: str = Field(
        "",
        description="前置代理的地址或网段，多个用逗号隔开；只信它们的 X-Forwarded-For，频次限制按来访地址计",
    )
    hotline_private_hosts: str = Field(
        "", description="可以连接的内网热线平台，形如 主机:端口，多个用逗号隔开；其余内网地址一律不连"
    )
    numbers_private_hosts: str = Field(
        "",
        description="可以连接的内网虚拟号服务（回拨），形如 主机:端口，多个用逗号隔开；其余内网地址一律不连",
    )
    open311_jurisdiction: str | None = Field(None, description="Open311 的 jurisdiction_id；不设时不核对")
    open311_contact: str = Field(
        "12345 市民服务热线", min_length=1, description="Open311 discovery 里的联系方式"
    )
    open311_key_service: str = Field(
        "向本系统管理员申请接口密钥", min_length=1, description="Open311 discovery 里怎样申请 api_key"
    )
    open311_production: bool = Field(
        default=False, description="Open311 discovery 的 type：true 为 production"
    )
    open311_tokens: bool = Field(
        default=False, description="Open311 提交后先给 token，识别完成后才有编号；false 立即给编号"
    )
    open311_per_hour: int = Field(600, ge=1, le=1_000_000, description="一个接口密钥每小时最多提交几件")

    @model_validator(mode="before")
    @classmethod
    def _from_files(cls, values: dict[str, Any]) -> dict[str, Any]:
        return with_secrets(values)

    @field_validator(*addresses.CHECKS)
    @classmethod
    def _known_address(cls, value: str | SecretStr | None, info: ValidationInfo) -> str | SecretStr | None:
        if value is not None and info.field_name is not None:
            plain = value.get_secret_value() if isinstance(value, SecretStr) else value
            addresses.CHECKS[info.field_name](plain)
        return value

    @model_validator(mode="after")
    def _whole(self) -> Self:
        """Half a setting: only the process that needs the rest would end by it, again and again."""
        for name, others in addresses.NEEDS.items():
            if getattr(self, name) is not None and any(getattr(self, other) is None for other in others):
                raise ValueError(f"设了 {_variable(name)}，还要设 {' 和 '.join(map(_variable, others))}")
        return self

    @field_validator("metrics_token")
    @classmethod
    def _no_empty_token(cls, value: SecretStr | None) -> SecretStr | None:
        """An empty line of .env is no token that everybody knows."""
        return value if value is not None and value.get_secret_value() else None

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, value: str) -> str:
        if value.upper() not in _LOG_LEVELS:
            raise ValueError(f"只能是 {'、'.join(_LOG_LEVELS)}")
        return value.upper()

    @property
    def public_names(self) -> tuple[str, ...]:
        """The host names under which others reach this service, lower case; the first is the main one."""
        return tuple(part.strip().lower() for part in self.hosts.split(",") if part.strip())

    @property
    def database(self) -> str:
        """The database address in force."""
        return self.database_url or f"sqlite+aiosqlite:///{(self.data_dir / 'jiesu.db').absolute()}"

    @property
    def traces_to(self) -> str | None:
        """Where traces go (OTLP over HTTP); None: nowhere. OpenTelemetry's own variable counts too."""
        base = self.otlp_endpoint or os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
        path = "/v1/traces"
        return None if not base else base if base.endswith(path) else base.rstrip("/") + path

    @property
    def files(self) -> Path:
        """Where the file store lies."""
        return self.files_dir or self.data_dir / "files"

    @property
    def encoder_folder(self) -> Path | None:
        """Where the encoder's weights lie; None when only the lexicon is wanted."""
        match self.nlp_model.strip():
            case "lexicon":
                return None
            case "builtin" | "":
                return WEIGHTS
            case folder:
                return Path(folder)

    @property
    def valkey_socket(self) -> Path:
        """Where the embedded Valkey listens: in the data directory, or beside it when that path is too long.

        A unix socket's path may have no more than 107 bytes (Linux) or 103 (macOS).
        """
        path = self.data_dir.absolute() / "valkey.sock"
        if len(str(path).encode()) <= _SOCKET_PATH_LIMIT:
            return path
        digest = hashlib.sha256(str(path).encode()).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"jiesu-{digest}.sock"

    @property
    def redis(self) -> str:
        """The Redis address in force."""
        return self.redis_url or f"unix://{self.valkey_socket}"


#: What takes their place in the data directory is not what was meant.
_NEVER_EMPTY: Final = ("VAULT_KEYS", "REWARD_KEYS", "DATABASE_URL", "REDIS_URL")


def load_settings() -> Settings:
    """Read the environment. Raises SettingsError naming each bad variable, never its value."""
    for name in _NEVER_EMPTY:
        given = {one: os.environ.get(one) for one in (f"JIESU_{name}", f"JIESU_{name}_FILE")}
        blank = [one for one, value in given.items() if value is not None and not value.strip()]
        if blank and not any(value and value.strip() for value in given.values()):
            # Not as if it were not set: with a new key in the data directory nothing would open any more, and
            # in a new database everything would be missing.
            raise SettingsError(f"系统设置有误：{blank[0]}：是空的；要用数据目录里的，去掉这一行")
    try:
        return Settings()
    except ValidationError as error:
        told = error.errors(include_input=False, include_url=False)
        faults = "；".join(_named(one["loc"]) + _reason(one) for one in told)
        raise SettingsError(f"系统设置有误：{faults}") from None


def _named(place: tuple[int | str, ...]) -> str:
    """The variable a fault is of; nothing for one that is of several and names them itself."""
    return f"{_variable('_'.join(str(part) for part in place))}：" if place else ""


def _variable(name: str) -> str:
    """The variable of a setting."""
    return f"JIESU_{name.upper()}"


def _reason(fault: ErrorDetails) -> str:
    """What pydantic found, in Chinese."""
    return _FAULTS.get(fault["type"], "不合法").format(**fault.get("ctx", {}))
