"""Connections to PostgreSQL: several hosts, bounds on lost hosts, and the errors that mean "away"."""

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from psycopg import errors
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.exc import DBAPIError

from core.database.engine import Database, is_away
from core.database.postgresql import connect_arguments, is_away_state, parse_url

NAMES = st.from_regex(r"[a-z][a-z0-9.-]{0,9}", fullmatch=True) | st.ip_addresses(v=6).map(str)
HOSTS = st.tuples(NAMES, st.none() | st.integers(1, 65535))


@given(st.lists(HOSTS, min_size=2, max_size=4))
def test_hosts_in_libpqs_form_are_all_tried(hosts: list[tuple[str, int | None]]) -> None:
    written = [(f"[{host}]" if ":" in host else host) + ("" if port is None else f":{port}") for host, port in hosts]
    url = parse_url(f"postgresql://ann:p%40,x@{','.join(written)}/name?options=-csearch_path%3Dx")
    assert (url.username, url.password, url.database) == ("ann", "p@,x", "name")
    names, ports = ",".join(host for host, _ in hosts), ",".join(str(port or "") for _, port in hosts)
    assert url.query == {"host": names, "port": ports, "options": "-csearch_path=x"}
    assert parse_url(url.render_as_string(hide_password=False)) == url
    _, parameters = PGDialect_psycopg().create_connect_args(url)
    assert (parameters["host"], parameters["port"]) == (names, ports)
    assert connect_arguments(url, 4, "")["target_session_attrs"] == "read-write"
    assert connect_arguments(url, 4, "", reads_only=True)["target_session_attrs"] == "primary"


@pytest.mark.parametrize(
    "text",
    ["postgresql://a:x,b/name", "postgresql://a,,b/name", "postgresql://a:1,b:2:3/name", "postgresql://a,::1/name"],
)
def test_hosts_that_cannot_be_read_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no host"):
        parse_url(text)


def test_a_lost_host_is_bounded_and_the_url_takes_precedence() -> None:
    plain = connect_arguments(parse_url("postgresql://a/name"), 4, "-c timezone=UTC")
    assert plain == {
        "connect_timeout": 5, "keepalives_idle": 4, "keepalives_interval": 2, "keepalives_count": 2,
        "tcp_user_timeout": 4000, "target_session_attrs": "any", "options": "-c timezone=UTC",
    }  # fmt: skip
    chosen = "postgresql://a/name?tcp_user_timeout=9&connect_timeout=20&options=-csearch_path%3Dx"
    own = connect_arguments(parse_url(chosen), 4, "-c timezone=UTC")
    assert (own["tcp_user_timeout"], own["connect_timeout"]) == ("9", "20")
    assert own["options"] == "-csearch_path=x -c timezone=UTC"


@pytest.mark.parametrize(
    ("error", "away"),
    [
        (errors.ReadOnlySqlTransaction, True),
        (errors.AdminShutdown, True),
        (errors.CannotConnectNow, True),
        (errors.ConnectionFailure, True),
        (errors.IdleInTransactionSessionTimeout, True),
        (errors.UniqueViolation, False),
        (errors.QueryCanceled, False),
        (errors.UndefinedTable, False),
    ],
)
def test_states_of_servers_that_stop_start_or_replicate_mean_away(error: type[Exception], away: bool) -> None:
    assert is_away_state(error("x")) is away


def test_what_a_replica_does_not_support_means_away_and_no_other_feature_does() -> None:
    assert is_away_state(errors.FeatureNotSupported("cannot use serializable mode in a hot standby"))
    assert is_away_state(errors.FeatureNotSupported("cannot set transaction read-write mode during recovery"))
    assert not is_away_state(errors.FeatureNotSupported("cached plan must not change result type"))


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.needs("postgres")
def test_a_server_that_no_longer_writes_is_away_and_its_connections_leave_the_pool(database: Database) -> None:
    """A server answers the same error once it has become a replica."""
    with database.write() as session:
        session.execute(sa.text("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"))
    with pytest.raises(DBAPIError) as refused, database.write() as session:
        session.execute(sa.text("CREATE TABLE nothing (id int)"))
    assert is_away(refused.value)
    assert refused.value.connection_invalidated
    with database.write() as session:
        session.execute(sa.text("CREATE TEMPORARY TABLE nothing (id int)"))
        assert session.execute(sa.text("SHOW timezone")).scalar_one() == "UTC"


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.needs("postgres")
def test_of_several_hosts_one_that_writes_is_found_by_every_engine(database_url: str) -> None:
    url = parse_url(database_url)
    several = url.set(host=None, port=None).update_query_dict(
        {"host": ("127.0.0.1:1", f"{url.host}:{url.port or 5432}")}
    )
    database = Database(several.render_as_string(hide_password=False))
    with database.read() as session:
        assert session.execute(sa.text("SELECT 1")).scalar_one() == 1
    assert database.query("SELECT 2", {})[0][0] == 2
    with database.direct() as connection:
        assert connection.exec_driver_sql("SELECT 3").scalar_one() == 3
    database.close()
