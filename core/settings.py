"""The settings, read once at start from the environment and from a file."""

import os
import re
from datetime import timedelta
from decimal import Decimal
from email.utils import parseaddr
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from sqlalchemy.exc import ArgumentError

from core.addresses.mail_address import BadAddress, address_of, first_spellings
from core.addresses.public_network import Networks, networks_of
from core.addresses.smtp_server import SmtpServer
from core.database.connection_budget import FEWEST, MOST
from core.database.pooler import is_pooled, settings_of
from core.database.postgresql import LOST_SECONDS, connect_arguments, parse_url
from core.errors import BadSetting
from core.nearest import did_you_mean

PREFIX = "ALLOWANCE_"
FILE_VARIABLE = "ALLOWANCE_CONFIG"
DEFAULT_FILE = "allowance.toml"
_HEADER: Final = re.compile(r"[!#$%&'+.^_`|~0-9A-Za-z-]+")
"""The name of a header (RFC 9110, section 5.6.2) without `*`, which stands for all headers in CORS."""
_ORIGIN: Final = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?")
BROKERS = {"memory": "in-process", "redis": "Redis", "rediss": "Redis", "amqp": "RabbitMQ", "amqps": "RabbitMQ"}


class Settings(BaseSettings):
    """The settings, from environment variables ``ALLOWANCE_<NAME>`` and from the file ``allowance.toml``.

    The file has the names in lower case, without the prefix. The environment overrides the file. Unknown names are
    errors in both.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", hide_input_in_errors=True)

    database_url: str = Field(
        "sqlite:///data/allowance.db",
        description="The database: `sqlite:///PATH`, or `postgresql://USER:PASSWORD@HOST:PORT/NAME`, with "
        "replicas `HOST:PORT,HOST:PORT`, and behind PgBouncer with `?pooler=pgbouncer`.",
    )
    host_lost_seconds: int = Field(
        LOST_SECONDS,
        ge=1,
        le=3600,
        description="Seconds for which a host of PostgreSQL may confirm nothing. After at most twice as many, "
        "requests that wait for it get an error.",
    )
    database_connections: int = Field(
        MOST,
        ge=FEWEST,
        le=1000,
        description="The most connections of a process to PostgreSQL. Six of them are for check-ins and API keys. "
        "Requests that find none free wait, for at most 30 seconds.",
    )
    broker_url: str = Field(
        "memory://",
        description="The message broker that notifies workers of new work: `memory://` for workers inside the "
        "server, `redis://HOST:PORT/N`, or `amqp://USER:PASSWORD@HOST:PORT/VHOST`.",
    )
    queue: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,60}$")] = Field(
        "allowance",
        description="The name of the queue at the broker. Deployments that share a broker need different names.",
    )
    worker_threads: int = Field(4, ge=1, le=64, description="Threads of a worker process.")
    sweep_seconds: float = Field(
        5, gt=0, le=3600, description="Seconds between two searches of a worker for due work that no message announced."
    )
    refresh_batch: int = Field(200, ge=1, le=1000, description="Licenses that are refreshed together.")
    refresh_lease_seconds: int = Field(
        60,
        ge=1,
        le=86_400,
        description="Seconds after which another worker takes over the refreshes of a worker that was lost.",
    )
    grace_seconds: int = Field(
        30,
        ge=0,
        le=3600,
        description="Seconds within which a server or a worker that is stopped finishes what it has begun. Other "
        "workers take over the rest of a worker.",
    )
    drain_seconds: int = Field(
        5,
        ge=0,
        le=3600,
        description="Seconds for which a server that is stopped by SIGTERM serves on, not ready, until proxies have "
        "noticed.",
    )
    refresh_after_seconds: float = Field(
        10,
        ge=0,
        le=86_400,
        description="Seconds after which a license with new usage is refreshed, ahead of its schedule; 0: on "
        "schedule only.",
    )
    history_hourly_days: int = Field(
        35,
        ge=1,
        le=3650,
        description="Days for which history keeps the last refresh of every hour. After them it keeps the end "
        "of every day.",
    )
    history_daily_days: int = Field(
        1100,
        ge=31,
        le=36_500,
        description="Days for which history keeps the end of every day. After them it keeps the end of every month.",
    )
    dedup_window_days: int = Field(
        35,
        ge=1,
        le=3650,
        description="The deduplication window in days. Older events are rejected, because a retry could count twice.",
    )
    ledger_days: int = Field(
        30,
        ge=0,
        le=3650,
        description="Days for which events are kept beyond the deduplication window, so that usage can be recounted.",
    )
    future_tolerance_seconds: int = Field(
        300, ge=0, le=86_400, description="Seconds by which the time of an event may be ahead of the server's clock."
    )
    max_events: int = Field(10_000, ge=1, description="The most events in a request.")
    max_waiting_events: int = Field(
        50_000,
        ge=1,
        description="The most events of an API key that wait to be committed, and half of all that wait. With more, "
        "the key gets an error and has to send again later.",
    )
    max_entities: int = Field(
        10_000, ge=1, description="The most entities of a license that usage may name. Usage of more is rejected."
    )
    max_series: int = Field(
        100_000,
        ge=1,
        description="The most series of a license: combinations of event type, entity and dimensions. Usage of more is "
        "rejected.",
    )
    max_admins: int = Field(100, ge=0, le=10_000, description="The most admins of a license.")
    max_contract_versions: int = Field(
        1000, ge=1, le=100_000, description="The most versions of a contract, also withdrawn ones."
    )
    report_headroom: Decimal = Field(
        Decimal("0.2"),
        ge=0,
        le=10,
        description="The ratio of the demand that a contract report adds to it when it suggests a limit.",
    )
    refresh_requests_per_hour: int = Field(
        600, ge=1, description="Refreshes of a license that API keys may request per hour."
    )
    alert_mails_per_day: int = Field(
        1000,
        ge=1,
        description="E-mails to the admins of a license within 24 hours. Further ones are parked, and "
        "`allowance outbox` shows them.",
    )
    check_ins_per_second: int = Field(
        1_000_000,
        ge=1,
        description="Check-ins per second of an API key at a server. With more, the key gets an error that "
        "states when to check in again. By default no server reaches it.",
    )
    new_installations_per_second: int = Field(
        1000,
        ge=1,
        description="Installations never seen before that an API key may bring to a server per second. Up to "
        "ten times as many may come at once.",
    )
    quota_newcomers_per_hour: int | None = Field(
        None,
        ge=1,
        description="Installations never seen before that an API key may bring to a server per hour, for a license "
        "with a quota. As many may come at once. By default half of the quota, at least 10 and at most 1,000. Signed "
        "installations do not count.",
    )
    installations_remembered: int = Field(
        200_000,
        ge=1,
        description="Installations with a place that each server holds in memory and answers without a query.",
    )
    sessions_per_key: int = Field(
        100_000,
        ge=1,
        description="The most sessions of an API key that have not ended. With more, the key gets an error.",
    )
    connections_per_session: int = Field(
        20, ge=1, description="The most connections for subscriptions of a session at a server."
    )
    connections_per_key: int = Field(
        200,
        ge=1,
        description="The most connections for subscriptions of an API key at a server, with those of its sessions.",
    )
    connections_per_address: int = Field(
        1000,
        ge=1,
        description="The most connections of a client address at a server, and the most for subscriptions. A "
        "network of 64 bits counts as one IPv6 address.",
    )
    ungreeted_per_address: int = Field(
        50, ge=1, description="The most WebSockets of a client address that have not shown a token yet."
    )
    trusted_proxies: str | None = Field(
        None,
        description="Proxies whose `X-Forwarded-For` names the client, separated by commas: "
        "`10.0.0.5,fd00::/64`. Without it, those in `FORWARDED_ALLOW_IPS`, or proxies on this machine.",
    )
    head_seconds: int = Field(
        10, ge=1, le=3600, description="Seconds within which the head of a request has to arrive."
    )
    body_seconds: int = Field(
        120, ge=1, le=3600, description="Seconds within which the body of a request has to arrive."
    )
    least_bytes_per_second: int = Field(
        1024,
        ge=0,
        le=2**20,
        description="The least bytes per second, over ten seconds, at which a body has to arrive and an answer has "
        "to be read.",
    )
    key_outage_seconds: int = Field(
        14_400,
        ge=0,
        le=604_800,
        description="Seconds for which a server accepts an API key for check-ins after it last found the key valid, "
        "while the database is away.",
    )
    unknown_tokens_per_second: int = Field(
        100,
        ge=1,
        description="Requests per second of a client address with tokens that no key matches. With more, the address "
        "gets an error that states when to try again. Keys that the server knows are always served.",
    )
    subscriptions_per_connection: int = Field(
        100, ge=1, description="The most operations that run at once on a WebSocket."
    )
    max_body_bytes: int = Field(
        16_777_216, ge=1024, description="The most bytes in the body of a request, except for GraphQL."
    )
    graphql_max_body_bytes: int = Field(
        4_194_304, ge=1024, description="The most bytes in the body of a GraphQL request, including its variables."
    )
    graphql_max_characters: int = Field(100_000, ge=1000, description="The most characters of a GraphQL document.")
    graphql_max_tokens: int = Field(
        5000,
        ge=100,
        description="The most tokens of a GraphQL document, and the most fields after its fragments are expanded.",
    )
    graphql_max_depth: int = Field(20, ge=5, le=100, description="The deepest nesting of fields in a GraphQL document.")
    graphql_max_aliases: int = Field(
        50, ge=0, description="The most aliases of a GraphQL document after its fragments are expanded."
    )
    graphql_max_directives: int = Field(
        50, ge=0, description="The most directives of a GraphQL document after its fragments are expanded."
    )
    graphql_max_cost: int = Field(
        100_000,
        ge=1000,
        description="The highest cost of a GraphQL operation: about the number of values in its answer.",
    )
    max_usage_points: int = Field(
        10_000,
        ge=100,
        le=1_000_000,
        description="The most points that an answer of the usage explorer has: those of all series and of the rest.",
    )
    graphql_max_values: int = Field(
        200_000,
        ge=1000,
        description="The most values in the variables of a GraphQL request: items of lists and members of objects.",
    )
    cache_per_key_mb: int = Field(
        8,
        ge=1,
        le=1024,
        description="The most memory of a server, in MiB, for cached answers of an API key, and again for "
        "its documents.",
    )
    graphql_cost_per_second: int = Field(
        150_000,
        ge=1000,
        description="The cost of GraphQL operations that an API key may run at a server per second. Cost that is not "
        "used is kept for later, as much as one second's or the highest cost of an operation.",
    )
    graphql_at_once_per_key: int = Field(
        4, ge=1, le=16, description="GraphQL operations of an API key that a server executes at once. More wait."
    )
    exports_per_key: int = Field(
        2, ge=1, le=16, description="Exports of an API key at once from a server. With more, the key gets an error."
    )
    graphql_max_seconds: float = Field(
        30,
        gt=0,
        le=3600,
        description="The most seconds that a GraphQL query may take. A mutation is never interrupted.",
    )
    graphql_operations_per_second: int = Field(
        1_000_000,
        ge=1,
        description="GraphQL operations per second of an API key at a server. With more, the key gets an error "
        "that states when to try again. By default no server reaches it.",
    )
    metric_names_per_key: int = Field(
        50,
        ge=0,
        le=1000,
        description="The most names of GraphQL operations with metrics of their own that an API key may bring to a "
        "server. Further names count together.",
    )
    introspection: bool = Field(
        True, description="Whether GraphQL allows introspection and suggests names in its errors."
    )
    graphiql: bool = Field(True, description="Whether the page `/graphiql` is served.")
    cors_origins: str | None = Field(
        None,
        description="Origins whose pages may use GraphQL from a browser, separated by commas: "
        "`https://app.example.com`. Without it, only pages of this server may.",
    )
    cors_headers: str | None = Field(
        None,
        description="Further headers that pages of these origins may send to GraphQL, separated by commas, for example "
        "`X-Request-Id, baggage`.",
    )
    meter_timeout_seconds: float = Field(
        10,
        gt=0,
        le=3600,
        description="Seconds after which a partner's meter is stopped for a license. For all licenses that are "
        "refreshed together it may take twelve times as long.",
    )
    meter_memory_mb: int = Field(
        512, ge=64, le=2**20, description="The most memory of partners' meters and notifiers, in MiB."
    )
    meter_max_cells: int = Field(
        200_000,
        ge=1000,
        description="The most cells of usage that a partner's meter may read of a license: a cell is a number of an "
        "event type, entity and set of dimensions on a day.",
    )
    plugin_import_seconds: float = Field(
        10, gt=0, le=60, description="Seconds after which the import of a partner's plugin is stopped."
    )
    without_plugins: str | None = Field(
        None,
        description="The names of partners' plugins that are left out, separated by commas, for example `chat, maps`.",
    )
    safe_mode: bool = Field(False, description="Whether all partners' plugins are left out.")
    smtp_url: str | None = Field(
        None,
        description="The mail server: `smtp://USER:PASSWORD@HOST:PORT`, or `smtps://…`. Without it, e-mails are "
        "written to the log.",
    )
    mail_from: str = Field("Allowance <allowance@localhost>", description="The sender of e-mails.")
    operators_email: str | None = Field(
        None,
        description="The addresses that get an e-mail when a license requests credits, separated by commas. "
        "Without it, requests are in the log and in `allowance credits requests`.",
    )
    public_url: str = Field(
        "http://127.0.0.1:8000", description="The address of the server from outside, for links in e-mails."
    )
    consumption_url: str | None = Field(
        None,
        description="The address of the page My consumption. `{license}` in it is replaced by the license's key. "
        "Without it, it is the page of this server, at `ALLOWANCE_PUBLIC_URL`.",
    )
    webhook_networks: str | None = Field(
        None,
        description="Private networks that webhooks may be sent to, also over http, separated by commas: "
        "`10.1.0.0/16,fd00::/8`.",
    )
    trusted_documents: Path | None = Field(
        None,
        description="A JSON file of GraphQL documents. With it, no other documents are executed.",
    )
    otlp_url: str | None = Field(
        None,
        description="The OpenTelemetry collector that traces are sent to over HTTP: `http://collector:4318`. "
        "Without it, no traces are made.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="The lowest level of log messages that are written."
    )

    @field_validator("database_url")
    @classmethod
    def _database(cls, value: str) -> str:
        try:
            url = parse_url(value)
            pooled = is_pooled(url)
        except (ArgumentError, ValueError):  # ValueError: the port is no number
            raise ValueError("is not a database URL; write sqlite:///PATH or postgresql://…") from None
        if url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:"):
            raise ValueError("needs the path of a file: sqlite:///PATH")
        if url.get_backend_name() not in ("sqlite", "postgresql"):
            raise ValueError("names a database that is not supported; write sqlite:///PATH or postgresql://…")
        if pooled:
            try:
                settings_of(connect_arguments(url, LOST_SECONDS, "")["options"])
            except ValueError as problem:
                raise ValueError(f"has options that are no settings such as -c search_path=own: {problem}") from None
        return value

    @field_validator("smtp_url")
    @classmethod
    def _mail_server(cls, value: str | None) -> str | None:
        if value is not None:
            SmtpServer.of(value)
        return value

    @field_validator("mail_from")
    @classmethod
    def _sender(cls, value: str) -> str:
        name, email = parseaddr(value)
        try:
            address_of(email, name)
        except BadAddress:
            raise ValueError("is not an address; write Name <name@example.com>") from None
        return value

    @field_validator("operators_email")
    @classmethod
    def _addresses(cls, value: str | None) -> str | None:
        try:
            for email in _parts(value):
                address_of(email)
        except BadAddress:
            raise ValueError("is not a list of addresses; write ann@example.com, bob@example.com") from None
        return value

    @field_validator("trusted_documents")
    @classmethod
    def _existing_file(cls, value: Path | None) -> Path | None:
        if value is not None and not value.is_file():
            raise ValueError("is not a file")
        return value

    @field_validator("webhook_networks", "trusted_proxies")
    @classmethod
    def _networks(cls, value: str | None) -> str | None:
        try:
            networks_of(value)
        except ValueError as problem:
            raise ValueError(f"is not a list of networks such as 10.1.0.0/16,fd00::/8: {problem}") from None
        return value

    @field_validator("public_url", "consumption_url", "otlp_url")
    @classmethod
    def _http_url(cls, value: str | None) -> str | None:
        if value is None:
            return None
        if not value.startswith(("http://", "https://")):
            raise ValueError("is not a URL; write https://…")
        return value.rstrip("/")

    @field_validator("cors_origins")
    @classmethod
    def _origins(cls, value: str | None) -> str | None:
        for origin in [] if value is None else value.split(","):
            if not _ORIGIN.fullmatch(origin.strip()):
                raise ValueError("is not a list of origins; write https://app.example.com, https://other.example.com")
        return value

    @field_validator("cors_headers")
    @classmethod
    def _headers(cls, value: str | None) -> str | None:
        for name in [] if value is None else value.split(","):
            if not _HEADER.fullmatch(name.strip()):
                raise ValueError("is not a list of headers; write X-Request-Id, baggage")
        return value

    @field_validator("without_plugins")
    @classmethod
    def _plugins(cls, value: str | None) -> str | None:
        if value is not None and not all(name.strip() for name in value.split(",")):
            raise ValueError("is not a list of names; write chat, maps")
        return value

    @field_validator("broker_url")
    @classmethod
    def _broker(cls, value: str) -> str:
        scheme, separator, _ = value.partition("://")
        if not separator or scheme not in BROKERS:
            raise ValueError("is not a broker URL; write memory://, redis://… or amqp://…")
        return value

    @property
    def allowed_origins(self) -> list[str]:
        """The origins whose pages may use GraphQL, as browsers write them."""
        return [origin.strip().lower() for origin in (self.cors_origins or "").split(",") if origin]

    @property
    def allowed_headers(self) -> list[str]:
        """The further headers that pages of the allowed origins may send."""
        return [name.strip().lower() for name in (self.cors_headers or "").split(",") if name]

    @property
    def plugins_left_out(self) -> list[str]:
        """The names of the plugins that are left out."""
        return [name.strip() for name in (self.without_plugins or "").split(",") if name]

    @property
    def consumption_page(self) -> str:
        """The address of the page My consumption, with `{license}` for the key of the license."""
        return self.consumption_url or f"{self.public_url}/consumption?license={{license}}"

    @property
    def operators(self) -> list[str]:
        """The addresses that get an e-mail when a license requests credits."""
        return first_spellings(_parts(self.operators_email))

    @property
    def embedded_workers(self) -> bool:
        """True if workers run inside the server."""
        return self.broker_url.startswith("memory://")

    @property
    def opened_networks(self) -> Networks:
        """The private networks that webhooks may be sent to."""
        return networks_of(self.webhook_networks)

    @property
    def dedup_window(self) -> timedelta:
        """The largest age of an event."""
        return timedelta(days=self.dedup_window_days)

    @property
    def future_tolerance(self) -> timedelta:
        """The time by which an event may be ahead of the server's clock."""
        return timedelta(seconds=self.future_tolerance_seconds)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read arguments first, then the environment, then the file."""
        file = os.environ.get(FILE_VARIABLE, DEFAULT_FILE)
        return (init_settings, env_settings, TomlConfigSettingsSource(settings_cls, toml_file=Path(file)))


def _parts(text: str | None) -> list[str]:
    """Return the different parts of a list with commas, in their order."""
    return list(dict.fromkeys(part.strip() for part in (text or "").split(",") if part.strip()))


def load_settings(**overrides: object) -> Settings:
    """Read the settings.

    Args:
        **overrides: Settings that override environment and file.

    Raises:
        BadSetting: Settings are unknown or wrong. The message names each and its source.
    """
    file = os.environ.get(FILE_VARIABLE)
    if file and not Path(file).is_file():
        raise BadSetting(f"{FILE_VARIABLE} names {file}, which is not a file.")
    known = {PREFIX + name.upper() for name in Settings.model_fields} | {FILE_VARIABLE}
    for name in sorted(os.environ):
        if name.startswith(PREFIX) and not name.startswith("ALLOWANCE_TEST_") and name not in known:
            raise BadSetting(f"{name} is not a setting.{did_you_mean(name, known)} See docs/operators.md.")
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        raise BadSetting("\n".join(_explain(problem) for problem in error.errors())) from None
    except ValueError as error:  # the file is not TOML
        raise BadSetting(f"{file or DEFAULT_FILE}: {error}") from None


def _explain(problem: object) -> str:
    """Return the message for an error of pydantic, with the name of the setting as its source has it."""
    details = problem if isinstance(problem, dict) else {}
    name = str(details["loc"][0])
    if details["type"] == "extra_forbidden":
        return f"{name} is not a setting.{did_you_mean(name, Settings.model_fields)} See docs/operators.md."
    message = details["msg"].removeprefix("Value error, ")
    source = PREFIX + name.upper() if PREFIX + name.upper() in os.environ else f"{name} (in the settings file)"
    return f"{source}: {message[:1].lower()}{message[1:]}"
