"""All settings, read once at start from the environment and from a file."""

import os
import re
from datetime import timedelta
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
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from core.addresses.mail_address import BadAddress, address_of
from core.addresses.public_network import Networks, networks_of
from core.addresses.smtp_server import SmtpServer
from core.errors import BadSetting
from core.nearest import did_you_mean

PREFIX = "ALLOWANCE_"
FILE_VARIABLE = "ALLOWANCE_CONFIG"
DEFAULT_FILE = "allowance.toml"
_ORIGIN: Final = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?")
BROKERS = {"memory": "in-process", "redis": "Redis", "rediss": "Redis", "amqp": "RabbitMQ", "amqps": "RabbitMQ"}


class Settings(BaseSettings):
    """The settings, each from ``ALLOWANCE_<NAME>``, or by its lower-case name from ``allowance.toml``.

    The environment wins over the file. Unknown names are refused, in both.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", hide_input_in_errors=True)

    database_url: str = Field(
        "sqlite:///data/allowance.db",
        description="Where everything is kept: `sqlite:///PATH`, or `postgresql://USER:PASSWORD@HOST:PORT/NAME`.",
    )
    broker_url: str = Field(
        "memory://",
        description="How workers hear of new work: `memory://` for workers inside the server, "
        "`redis://HOST:PORT/N`, or `amqp://USER:PASSWORD@HOST:PORT/VHOST`.",
    )
    queue: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,60}$")] = Field(
        "allowance", description="The name of the queue at the broker; installations that share one need their own."
    )
    worker_threads: int = Field(4, ge=1, le=64, description="Threads of one worker process.")
    sweep_seconds: float = Field(
        5, gt=0, le=3600, description="How often every worker looks for due work that no message announced."
    )
    refresh_batch: int = Field(200, ge=1, le=1000, description="Licenses refreshed in one go.")
    refresh_lease_seconds: int = Field(
        600, ge=1, le=86_400, description="After this long, a refresh whose worker was lost is taken by another."
    )
    refresh_after_seconds: float = Field(
        0,
        ge=0,
        le=86_400,
        description="Seconds after which a license with new usage is refreshed, whatever its schedule; 0: not before.",
    )
    history_hourly_days: int = Field(
        35,
        ge=1,
        le=3650,
        description="Days for which history keeps the last refresh of every hour; then the end of days.",
    )
    history_daily_days: int = Field(
        1100, ge=31, le=36_500, description="Days for which history keeps the end of every day; then the end of months."
    )
    dedup_window_days: int = Field(
        35, ge=1, le=3650, description="Events older than this are refused, since a retry of one could count twice."
    )
    ledger_days: int = Field(
        30, ge=0, le=3650, description="How many days longer than that window events are kept, to be recounted."
    )
    future_tolerance_seconds: int = Field(
        300, ge=0, le=86_400, description="How far ahead of the server's clock an event's time may be."
    )
    max_events: int = Field(10_000, ge=1, description="Events taken in one request.")
    max_waiting_events: int = Field(
        50_000, ge=1, description="Events that may wait to be committed; beyond them senders are told to come back."
    )
    check_ins_per_second: int = Field(
        50_000,
        ge=1,
        description="Check-ins that one key may make at one server; beyond them it is told when to come back.",
    )
    new_installations_per_second: int = Field(
        1000,
        ge=1,
        description="Installations never seen before that one key may bring to one server, ten times as many at once.",
    )
    installations_remembered: int = Field(
        200_000, ge=1, description="Installations with a place that each server knows without asking the database."
    )
    connections_per_key: int = Field(
        1000, ge=1, description="Connections for subscriptions that one key may hold at one server."
    )
    connections_per_address: int = Field(
        1000, ge=1, description="Connections for subscriptions that one address may hold at one server."
    )
    subscriptions_per_connection: int = Field(
        100, ge=1, description="Operations that may be under way at once on one WebSocket."
    )
    max_body_bytes: int = Field(16_777_216, ge=1024, description="Bytes taken in one request's body, except GraphQL's.")
    graphql_max_body_bytes: int = Field(
        4_194_304, ge=1024, description="Bytes taken in the body of one GraphQL request, variables included."
    )
    graphql_max_characters: int = Field(100_000, ge=1000, description="Characters of one GraphQL document.")
    graphql_max_tokens: int = Field(
        5000, ge=100, description="Tokens of one GraphQL document; and fields, once its fragments are written out."
    )
    graphql_max_depth: int = Field(20, ge=5, le=100, description="How deep fields may stand in fields.")
    graphql_max_aliases: int = Field(
        50, ge=0, description="Aliases of one GraphQL document, its fragments written out."
    )
    graphql_max_directives: int = Field(
        50, ge=0, description="Directives of one GraphQL document, its fragments written out."
    )
    graphql_max_cost: int = Field(
        100_000, ge=1000, description="What one GraphQL operation may cost: about the number of values in its answer."
    )
    graphql_max_seconds: float = Field(
        30, gt=0, le=3600, description="How long a GraphQL query may take; a mutation is never cut off."
    )
    graphql_operations_per_second: int = Field(
        10_000,
        ge=1,
        description="GraphQL operations that one key may ask of one server; beyond them it is told when to come back.",
    )
    introspection: bool = Field(True, description="Whether GraphQL tells its schema, and names what is near a mistake.")
    graphiql: bool = Field(True, description="Whether `/graphiql` is served.")
    cors_origins: str | None = Field(
        None,
        description="Origins, separated by commas, whose pages may ask GraphQL in a browser: "
        "`https://app.example.com`; without any, only pages of this server.",
    )
    meter_timeout_seconds: float = Field(
        10, gt=0, le=3600, description="How long a partner's meter may take for one license before it is stopped."
    )
    meter_memory_mb: int = Field(
        512, ge=64, le=2**20, description="Memory that partners' meters and notifiers may take, in MiB."
    )
    smtp_url: str | None = Field(
        None,
        description="The mail server, `smtp://USER:PASSWORD@HOST:PORT`, or `smtps://…`; without one, e-mails are "
        "written to the log.",
    )
    mail_from: str = Field("Allowance <allowance@localhost>", description="Whom e-mails are from.")
    operators_email: str | None = Field(
        None,
        description="Who is written to when a license asks for credits: addresses, with commas between them; without "
        "any, requests are in the log and in `allowance credits requests`.",
    )
    public_url: str = Field(
        "http://127.0.0.1:8000", description="Where the server is reached from outside, for links in e-mails."
    )
    consumption_url: str = Field(
        "http://127.0.0.1:8000/graphiql",
        description="Where people see My consumption; `{license}` in it stands for the key of their license.",
    )
    webhook_networks: str | None = Field(
        None,
        description="Networks that are not public and that webhooks may go to nevertheless, over http as well, as "
        "`10.1.0.0/16,fd00::/8`.",
    )
    trusted_documents: Path | None = Field(
        None,
        description="A JSON file of GraphQL documents; where it is set, no others are executed.",
    )
    otlp_url: str | None = Field(
        None,
        description="The OpenTelemetry collector that traces are sent to by HTTP, as `http://collector:4318`; "
        "without one, none are made.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="What is logged.")

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: str) -> str:
        try:
            url = make_url(value)
        except (ArgumentError, ValueError):  # of the whole, and of its port
            raise ValueError("is not a database URL; write sqlite:///PATH or postgresql://…") from None
        if url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:"):
            raise ValueError("needs the path of a file: sqlite:///PATH")
        if url.get_backend_name() not in ("sqlite", "postgresql"):
            raise ValueError("names a database that is not supported; write sqlite:///PATH or postgresql://…")
        return value

    @field_validator("smtp_url")
    @classmethod
    def _known_mail_server(cls, value: str | None) -> str | None:
        if value is not None:
            SmtpServer.of(value)
        return value

    @field_validator("mail_from")
    @classmethod
    def _an_address(cls, value: str) -> str:
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
    def _a_file(cls, value: Path | None) -> Path | None:
        if value is not None and not value.is_file():
            raise ValueError("is not a file")
        return value

    @field_validator("webhook_networks")
    @classmethod
    def _known_networks(cls, value: str | None) -> str | None:
        try:
            networks_of(value)
        except ValueError as problem:
            raise ValueError(f"is no list of networks, as 10.1.0.0/16,fd00::/8: {problem}") from None
        return value

    @field_validator("public_url", "consumption_url", "otlp_url")
    @classmethod
    def _a_link(cls, value: str | None) -> str | None:
        if value is None:
            return None
        if not value.startswith(("http://", "https://")):
            raise ValueError("is not a link; write https://…")
        return value.rstrip("/")

    @field_validator("cors_origins")
    @classmethod
    def _origins(cls, value: str | None) -> str | None:
        for origin in [] if value is None else value.split(","):
            if not _ORIGIN.fullmatch(origin.strip()):
                raise ValueError("names something that is no origin; write https://app.example.com")
        return value

    @field_validator("broker_url")
    @classmethod
    def _known_broker(cls, value: str) -> str:
        scheme, separator, _ = value.partition("://")
        if not separator or scheme not in BROKERS:
            raise ValueError("is not a broker URL; write memory://, redis://… or amqp://…")
        return value

    @property
    def allowed_origins(self) -> list[str]:
        """The origins whose pages may ask GraphQL, as a browser names them."""
        return [origin.strip().lower() for origin in (self.cors_origins or "").split(",") if origin]

    @property
    def operators(self) -> list[str]:
        """Who is written to when a license asks for credits."""
        return _parts(self.operators_email)

    @property
    def embedded_workers(self) -> bool:
        """Whether workers run inside the server."""
        return self.broker_url.startswith("memory://")

    @property
    def opened_networks(self) -> Networks:
        """Where webhooks may go besides public addresses."""
        return networks_of(self.webhook_networks)

    @property
    def dedup_window(self) -> timedelta:
        return timedelta(days=self.dedup_window_days)

    @property
    def future_tolerance(self) -> timedelta:
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
        file = os.environ.get(FILE_VARIABLE, DEFAULT_FILE)
        return (init_settings, env_settings, TomlConfigSettingsSource(settings_cls, toml_file=Path(file)))


def _parts(text: str | None) -> list[str]:
    """Each once, in their order."""
    return list(dict.fromkeys(part.strip() for part in (text or "").split(",") if part.strip()))


def load_settings(**overrides: object) -> Settings:
    """Read the settings. Raises :class:`BadSetting` naming the one that cannot be used, and where it stands."""
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
    details = problem if isinstance(problem, dict) else {}
    name = str(details["loc"][0])
    if details["type"] == "extra_forbidden":
        return f"{name} is not a setting.{did_you_mean(name, Settings.model_fields)} See docs/operators.md."
    message = details["msg"].removeprefix("Value error, ")
    where = PREFIX + name.upper() if PREFIX + name.upper() in os.environ else f"{name} (in the settings file)"
    return f"{where}: {message[:1].lower()}{message[1:]}"
