"""Settings: from the environment and the file; a wrong one is refused by its name and place."""

import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from core.errors import BadSetting
from core.settings import Settings, load_settings


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory without a settings file, and an environment without settings."""
    import os

    for name in os.environ:
        if name.startswith("ALLOWANCE_") and not name.startswith("ALLOWANCE_TEST_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused() -> str:
    with pytest.raises(BadSetting) as error:
        load_settings()
    assert error.value.code == "BAD_SETTING"
    return error.value.message


def test_without_any_setting_the_embedded_default_runs() -> None:
    found = load_settings()
    assert found.database_url == "sqlite:///data/allowance.db"
    assert found.embedded_workers
    assert found.dedup_window == timedelta(days=35)
    assert found.future_tolerance_seconds == 300


def test_the_environment_wins_over_the_file(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (nowhere / "allowance.toml").write_text('queue = "of-the-file"\nworker_threads = 2\n')
    monkeypatch.setenv("ALLOWANCE_QUEUE", "of-the-environment")
    found = load_settings()
    assert (found.queue, found.worker_threads) == ("of-the-environment", 2)
    assert load_settings(queue="of-the-caller").queue == "of-the-caller"


def test_the_file_may_be_elsewhere(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (nowhere / "allowance.toml").write_text('queue = "here"\n')
    (nowhere / "other.toml").write_text('queue = "there"\n')
    monkeypatch.setenv("ALLOWANCE_CONFIG", str(nowhere / "other.toml"))
    assert load_settings().queue == "there"


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings().queue = "other"  # type: ignore[misc]


WRONG = {
    "ALLOWANCE_SESSIONS_PER_KEY": {"0": "greater than or equal to 1"},
    "ALLOWANCE_CONNECTIONS_PER_SESSION": {"0": "greater than or equal to 1"},
    "ALLOWANCE_CONNECTIONS_PER_KEY": {"0": "greater than or equal to 1"},
    "ALLOWANCE_CONNECTIONS_PER_ADDRESS": {"0": "greater than or equal to 1"},
    "ALLOWANCE_KEY_OUTAGE_SECONDS": {"-1": "greater than or equal to 0"},
    "ALLOWANCE_UNKNOWN_TOKENS_PER_SECOND": {"0": "greater than or equal to 1"},
    "ALLOWANCE_UNGREETED_PER_ADDRESS": {"0": "greater than or equal to 1"},
    "ALLOWANCE_TRUSTED_PROXIES": {
        "proxy": "is not a list of networks such as 10.1.0.0/16,fd00::/8",
        "10.0.0.1/8": "is not a list of networks such as 10.1.0.0/16,fd00::/8",
        "*": "is not a list of networks such as 10.1.0.0/16,fd00::/8",
    },
    "ALLOWANCE_HEAD_SECONDS": {"0": "greater than or equal to 1", "3601": "less than or equal to 3600"},
    "ALLOWANCE_BODY_SECONDS": {"0": "greater than or equal to 1", "3601": "less than or equal to 3600"},
    "ALLOWANCE_LEAST_BYTES_PER_SECOND": {"-1": "than or equal to 0", "1048577": "than or equal to 1048576"},
    "ALLOWANCE_SUBSCRIPTIONS_PER_CONNECTION": {"0": "greater than or equal to 1"},
    "ALLOWANCE_TRUSTED_DOCUMENTS": {"": "is not a file", "/nowhere/documents.json": "is not a file"},
    "ALLOWANCE_OTLP_URL": {"": "is not a URL; write https://…", "collector:4318": "is not a URL; write https://…"},
    "ALLOWANCE_DATABASE_URL": {
        "nonsense": "is not a database URL; write sqlite:///PATH or postgresql://…",
        "postgresql://localhost:port/x": "is not a database URL; write sqlite:///PATH or postgresql://…",
        "postgresql://one,two:port/x": "is not a database URL; write sqlite:///PATH or postgresql://…",
        "mysql://localhost/x": "names a database that is not supported; write sqlite:///PATH or postgresql://…",
        "sqlite://": "needs the path of a file: sqlite:///PATH",
        "sqlite:///:memory:": "needs the path of a file: sqlite:///PATH",
        "postgresql://one/x?pooler=pgbouncer&options=-x": "has options that are no settings such as -c search_path=own",
        "postgresql://one/x?pooler=pgbouncer&options='": "has options that are no settings such as -c search_path=own",
        "postgresql://one/x?pooler=other": "is not a database URL; write sqlite:///PATH or postgresql://…",
    },
    "ALLOWANCE_HOST_LOST_SECONDS": {"0": "greater than or equal to 1", "3601": "less than or equal to 3600"},
    "ALLOWANCE_DATABASE_CONNECTIONS": {"11": "greater than or equal to 12", "1001": "less than or equal to 1000"},
    "ALLOWANCE_BROKER_URL": {
        "": "is not a broker URL; write memory://, redis://… or amqp://…",
        "redis": "is not a broker URL; write memory://, redis://… or amqp://…",
        "kafka://localhost": "is not a broker URL; write memory://, redis://… or amqp://…",
    },
    "ALLOWANCE_QUEUE": {"": "string should match pattern", "a b": "string should match pattern"},
    "ALLOWANCE_WORKER_THREADS": {
        "0": "input should be greater than or equal to 1",
        "65": "input should be less than or equal to 64",
        "four": "input should be a valid integer",
        "": "input should be a valid integer",
        "1.5": "input should be a valid integer",
    },
    "ALLOWANCE_SWEEP_SECONDS": {
        "0": "input should be greater than 0",
        "nan": "input should be less than or equal to 3600",
        "3601": "input should be less than or equal to 3600",
    },
    "ALLOWANCE_REFRESH_BATCH": {"0": "greater than or equal to 1", "1001": "less than or equal to 1000"},
    "ALLOWANCE_GRACE_SECONDS": {"-1": "greater than or equal to 0", "3601": "less than or equal to 3600"},
    "ALLOWANCE_DRAIN_SECONDS": {"-1": "greater than or equal to 0", "3601": "less than or equal to 3600"},
    "ALLOWANCE_REFRESH_LEASE_SECONDS": {"0": "greater than or equal to 1", "86401": "less than or equal to 86400"},
    "ALLOWANCE_REFRESH_AFTER_SECONDS": {"-1": "greater than or equal to 0", "86401": "less than or equal to 86400"},
    "ALLOWANCE_HISTORY_HOURLY_DAYS": {"0": "greater than or equal to 1", "3651": "less than or equal to 3650"},
    "ALLOWANCE_HISTORY_DAILY_DAYS": {"30": "greater than or equal to 31", "36501": "less than or equal to 36500"},
    "ALLOWANCE_DEDUP_WINDOW_DAYS": {"0": "greater than or equal to 1", "3651": "less than or equal to 3650"},
    "ALLOWANCE_LEDGER_DAYS": {"-1": "greater than or equal to 0", "3651": "less than or equal to 3650"},
    "ALLOWANCE_FUTURE_TOLERANCE_SECONDS": {"-1": "greater than or equal to 0", "86401": "less than or equal to 86400"},
    "ALLOWANCE_MAX_EVENTS": {"0": "greater than or equal to 1"},
    "ALLOWANCE_MAX_WAITING_EVENTS": {"0": "greater than or equal to 1"},
    "ALLOWANCE_MAX_ENTITIES": {"0": "greater than or equal to 1"},
    "ALLOWANCE_MAX_SERIES": {"0": "greater than or equal to 1"},
    "ALLOWANCE_MAX_ADMINS": {"-1": "greater than or equal to 0"},
    "ALLOWANCE_MAX_CONTRACT_VERSIONS": {"0": "greater than or equal to 1"},
    "ALLOWANCE_REPORT_HEADROOM": {"-0.1": "greater than or equal to 0", "11": "less than or equal to 10"},
    "ALLOWANCE_REFRESH_REQUESTS_PER_HOUR": {"0": "greater than or equal to 1"},
    "ALLOWANCE_ALERT_MAILS_PER_DAY": {"0": "greater than or equal to 1"},
    "ALLOWANCE_CHECK_INS_PER_SECOND": {"0": "greater than or equal to 1"},
    "ALLOWANCE_NEW_INSTALLATIONS_PER_SECOND": {"0": "greater than or equal to 1"},
    "ALLOWANCE_QUOTA_NEWCOMERS_PER_HOUR": {"0": "greater than or equal to 1"},
    "ALLOWANCE_INSTALLATIONS_REMEMBERED": {"0": "greater than or equal to 1"},
    "ALLOWANCE_MAX_BODY_BYTES": {"1023": "greater than or equal to 1024"},
    "ALLOWANCE_GRAPHQL_MAX_BODY_BYTES": {"1023": "greater than or equal to 1024"},
    "ALLOWANCE_GRAPHQL_MAX_CHARACTERS": {"999": "greater than or equal to 1000"},
    "ALLOWANCE_GRAPHQL_MAX_TOKENS": {"99": "greater than or equal to 100"},
    "ALLOWANCE_GRAPHQL_MAX_DEPTH": {"4": "greater than or equal to 5", "101": "less than or equal to 100"},
    "ALLOWANCE_GRAPHQL_MAX_ALIASES": {"-1": "greater than or equal to 0"},
    "ALLOWANCE_GRAPHQL_MAX_DIRECTIVES": {"-1": "greater than or equal to 0"},
    "ALLOWANCE_GRAPHQL_MAX_COST": {"999": "greater than or equal to 1000"},
    "ALLOWANCE_GRAPHQL_COST_PER_SECOND": {"999": "greater than or equal to 1000"},
    "ALLOWANCE_GRAPHQL_AT_ONCE_PER_KEY": {"0": "greater than or equal to 1", "17": "less than or equal to 16"},
    "ALLOWANCE_MAX_USAGE_POINTS": {"99": "greater than or equal to 100", "1000001": "less than or equal to 1000000"},
    "ALLOWANCE_GRAPHQL_MAX_VALUES": {"999": "greater than or equal to 1000"},
    "ALLOWANCE_CACHE_PER_KEY_MB": {"0": "greater than or equal to 1"},
    "ALLOWANCE_EXPORTS_PER_KEY": {"0": "greater than or equal to 1", "17": "less than or equal to 16"},
    "ALLOWANCE_GRAPHQL_MAX_SECONDS": {"0": "greater than 0", "inf": "less than or equal to 3600"},
    "ALLOWANCE_GRAPHQL_OPERATIONS_PER_SECOND": {"0": "greater than or equal to 1"},
    "ALLOWANCE_METRIC_NAMES_PER_KEY": {"-1": "greater than or equal to 0"},
    "ALLOWANCE_INTROSPECTION": {"perhaps": "input should be a valid boolean"},
    "ALLOWANCE_GRAPHIQL": {"perhaps": "input should be a valid boolean"},
    "ALLOWANCE_CORS_ORIGINS": {
        "": "is not a list of origins; write https://app.example.com, https://other.example.com",
        "*": "is not a list of origins",
        "app.example.com": "is not a list of origins",
        "https://app.example.com/": "is not a list of origins",
        "https://app.example.com,": "is not a list of origins",
        "null": "is not a list of origins",
    },
    "ALLOWANCE_CORS_HEADERS": {
        "": "is not a list of headers; write X-Request-Id, baggage",
        "*": "is not a list of headers",
        "X-Request-Id: 1": "is not a list of headers",
        "X-Request-Id baggage": "is not a list of headers",
        "baggage,": "is not a list of headers",
    },
    "ALLOWANCE_METER_TIMEOUT_SECONDS": {
        "0": "greater than 0",
        "inf": "less than or equal to 3600",
        "nan": "less than or equal to 3600",
    },
    "ALLOWANCE_METER_MEMORY_MB": {"63": "greater than or equal to 64", "1048577": "less than or equal to 1048576"},
    "ALLOWANCE_METER_MAX_CELLS": {"999": "greater than or equal to 1000"},
    "ALLOWANCE_PLUGIN_IMPORT_SECONDS": {"0": "greater than 0", "61": "less than or equal to 60"},
    "ALLOWANCE_WITHOUT_PLUGINS": {"chat,,maps": "is not a list of names; write chat, maps"},
    "ALLOWANCE_SAFE_MODE": {"perhaps": "valid boolean"},
    "ALLOWANCE_SMTP_URL": {
        "": "is not the URL of a mail server; write smtp://USER:PASSWORD@HOST:PORT",
        "mail.example.com": "is not the URL of a mail server; write smtp://USER:PASSWORD@HOST:PORT",
        "smtp://host:port": "is not the URL of a mail server; write smtp://USER:PASSWORD@HOST:PORT",
    },
    "ALLOWANCE_MAIL_FROM": {
        "": "is not an address; write Name <name@example.com>",
        "Ann": "is not an address",
        "Ann <a..b@example.com>": "is not an address",
    },
    "ALLOWANCE_OPERATORS_EMAIL": {
        "ann": "is not a list of addresses; write ann@example.com, bob@example.com",
        "ann@example.com; bob@example.com": "is not a list of addresses",
        "ann@example.com, a..b@example.com": "is not a list of addresses",
    },
    "ALLOWANCE_PUBLIC_URL": {"": "is not a URL; write https://…", "allowance.example": "is not a URL"},
    "ALLOWANCE_CONSUMPTION_URL": {"javascript:alert(1)": "is not a URL; write https://…"},
    "ALLOWANCE_WEBHOOK_NETWORKS": {
        "10.0.0.1/8": "is not a list of networks such as 10.1.0.0/16,fd00::/8: 10.0.0.1/8 has host bits set",
        "inside.example": "is not a list of networks",
        "10.0.0.0/8;fd00::/8": "is not a list of networks",
    },
    "ALLOWANCE_LOG_LEVEL": {"LOUD": "input should be 'DEBUG', 'INFO', 'WARNING' or 'ERROR'"},
}  # fmt: skip


def test_every_setting_has_a_value_that_is_wrong() -> None:
    assert {f"ALLOWANCE_{name.upper()}" for name in Settings.model_fields} == WRONG.keys()


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [(name, value, message) for name, values in WRONG.items() for value, message in values.items()],
)
def test_a_wrong_value_is_refused_by_the_name_of_its_setting(
    name: str, value: str, message: str, nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    assert re.fullmatch(f"{name}: .*{re.escape(message)}.*", refused())
    monkeypatch.delenv(name)

    setting = name.removeprefix("ALLOWANCE_").lower()
    (nowhere / "allowance.toml").write_text(f'{setting} = "{value}"\n')
    assert re.fullmatch(rf"{setting} \(in the settings file\): .*{re.escape(message)}.*", refused())


def test_operators_are_each_named_once(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().operators == []
    monkeypatch.setenv("ALLOWANCE_OPERATORS_EMAIL", " bob@example.com,ann@example.com, bob@example.com,")
    assert load_settings().operators == ["bob@example.com", "ann@example.com"]


def test_all_that_is_wrong_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWANCE_QUEUE", "a b")
    monkeypatch.setenv("ALLOWANCE_MAX_EVENTS", "0")
    assert [line.partition(":")[0] for line in refused().splitlines()] == ["ALLOWANCE_QUEUE", "ALLOWANCE_MAX_EVENTS"]


def test_no_message_repeats_a_value_that_may_be_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWANCE_DATABASE_URL", "mysql://user:secret@localhost/x")
    monkeypatch.setenv("ALLOWANCE_BROKER_URL", "kafka://user:secret@localhost")
    assert "secret" not in refused()


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("ALLOWANCE_DATABASEURL", " Did you mean 'ALLOWANCE_DATABASE_URL'?"),
        ("ALLOWANCE_DATABSE_URL", " Did you mean 'ALLOWANCE_DATABASE_URL'?"),
        ("ALLOWANCE_CONFIGURATION", " Did you mean 'ALLOWANCE_CONFIG'?"),
        ("ALLOWANCE_", ""),
    ],
)
def test_an_unknown_variable_is_refused_with_the_nearest(name: str, near: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "x")
    message = refused()
    assert message.startswith(f"{name} is not a setting.{near}")
    assert message.endswith("See docs/operators.md.")


def test_variables_of_the_tests_are_not_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWANCE_TEST_ANYTHING", "x")
    assert load_settings().queue == "allowance"


def test_an_unknown_name_in_the_file_is_refused_with_the_nearest(nowhere: Path) -> None:
    (nowhere / "allowance.toml").write_text('databse_url = "sqlite:///x.db"\n')
    assert refused() == "databse_url is not a setting. Did you mean 'database_url'? See docs/operators.md."


FILES: Mapping[str, bytes] = {
    "not TOML": b"queue = \n",
    "twice": b"queue = 'a'\nqueue = 'b'\n",
    "not UTF-8": b"queue = '\xff'\n",
}


@pytest.mark.parametrize("content", FILES.values(), ids=FILES.keys())
def test_a_file_that_cannot_be_read_is_refused_by_its_name(nowhere: Path, content: bytes) -> None:
    (nowhere / "allowance.toml").write_bytes(content)
    assert refused().startswith("allowance.toml: ")


@pytest.mark.parametrize("name", ["missing.toml", "."])
def test_a_file_that_is_named_has_to_be_there(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWANCE_CONFIG", name)
    assert refused() == f"ALLOWANCE_CONFIG names {name}, which is not a file."


@pytest.mark.parametrize(
    ("url", "embedded"),
    [
        ("memory://", True),
        ("redis://127.0.0.1:6379/1", False),
        ("rediss://x", False),
        ("amqp://x", False),
        ("amqps://x", False),
    ],
)
def test_workers_are_embedded_where_no_broker_is_named(url: str, embedded: bool) -> None:
    assert load_settings(broker_url=url).embedded_workers is embedded
