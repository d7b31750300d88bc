"""PgBouncer between the program and PostgreSQL: sessions of the server change hands, and no statement is mixed up."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import URL
from sqlmodel import col, select

from core.admission.check_in import CheckInRequest, Decision
from core.database.engine import Database
from core.database.pooler import require_fitting
from core.errors import BadSetting
from core.runtime import open_runtime
from core.settings import Settings
from core.usage.recount import recount
from core.usage.tables import UsageSum
from tests.faults.databases.pgbouncer import pgbouncer, reconnect
from tests.fixtures.engine import Engine, usage_event
from tests.fixtures.role import plain_role

pytestmark = [
    pytest.mark.needs("postgres", "pgbouncer"),
    pytest.mark.parametrize("database_url", ["postgresql"], indirect=True),
]
CLIENTS = 12
EVENTS = 10
PLACES = 20


@pytest.fixture
def server(database: Database) -> Iterator[URL]:
    """The URL of the database with a role of its own, of which other tests see no settings."""
    with plain_role(database) as url:
        yield url.set(host=url.host or "127.0.0.1")


def refusal(url: URL) -> str:
    database = Database(url.render_as_string(hide_password=False))
    try:
        with pytest.raises(BadSetting) as refused:
            require_fitting(database.engine, database.pooled_settings)
        return refused.value.message
    finally:
        database.close()


@pytest.mark.parametrize("ignored", ["extra_float_digits", "options"])
def test_a_pooler_that_the_url_does_not_name_is_refused_with_what_to_do(server: URL, ignored: str) -> None:
    with pgbouncer(server, "transaction", ignored=ignored) as pooled:
        assert "Append ?pooler=pgbouncer to the URL" in refusal(pooled)


def test_statements_meet_those_of_other_clients_behind_a_pooler_that_is_not_named(server: URL) -> None:
    """The control run: what the refusal at start protects from."""
    with pgbouncer(server, "transaction", ignored="extra_float_digits,options") as pooled:
        database = Database(pooled.render_as_string(hide_password=False))

        def send(client: int) -> set[str]:
            found = set()
            for number in range(20 * EVENTS):
                try:
                    database.query(f"SELECT %(own)s::int AS own_{number % 5}", {"own": client})
                except sa.exc.DBAPIError as error:
                    found.add(type(error.orig).__name__)
            return found

        with closing(database), ThreadPoolExecutor(CLIENTS) as threads:
            errors = set().union(*threads.map(send, range(CLIENTS)))
    assert errors & {"DuplicatePreparedStatement", "InvalidSqlStatementName"}


@pytest.mark.parametrize("pool_mode", ["transaction", "session"])
def test_behind_a_named_pooler_everything_counts_once_with_the_settings_of_the_role(
    database: Database, server: URL, pool_mode: str
) -> None:
    with pgbouncer(server, pool_mode) as pooled:
        named = pooled.update_query_dict({"pooler": "pgbouncer", "options": "-c search_path=public"})
        refused = refusal(named)
        assert "ALTER ROLE" in refused
        assert "lock_timeout" in refused
        with database.write() as session:
            session.execute(sa.text(refused.partition("PgBouncer: ")[2]))
        reconnect(pooled)
        text = named.render_as_string(hide_password=False)
        with open_runtime(Settings(database_url=text, quota_newcomers_per_hour=100_000)) as runtime:
            engine = Engine(runtime)
            engine.license(terms={"active_installations": PLACES})
            with ThreadPoolExecutor(CLIENTS) as threads:
                decisions = [
                    one for found in threads.map(lambda number: work(engine, number), range(CLIENTS)) for one in found
                ]
            assert decisions.count(Decision.ADMITTED) == PLACES
            with engine.database.read() as session:
                assert session.exec(select(sa.func.sum(col(UsageSum.whole)))).one() == CLIENTS * EVENTS
                assert list(recount(session, engine.id(), runtime.registry.event_types)) == []
            engine.refresh()
            assert engine.reading("sms_credits").used == CLIENTS * EVENTS


def work(engine: Engine, client: int) -> list[Decision]:
    """Do all that clients do, in an order that mixes their statements; the decisions of check-ins."""
    decisions = []
    for number in range(EVENTS):
        engine.send(usage_event("sms.sent", id=f"{client}-{number}"))
        engine.send(usage_event("sms.sent", id=f"{client}-{number}"))
        request = CheckInRequest("acme", "active_installations", f"installation {client}-{number}", "a key")
        decisions.append(engine.runtime.admitter.check_in(request).decision)
        rows = engine.database.query("SELECT %(own)s::text, current_setting('TimeZone')", {"own": f"{client}-{number}"})
        assert tuple(rows[0]) == (f"{client}-{number}", "UTC")
        with engine.database.read() as session:
            statement = (
                "SELECT current_setting('lock_timeout'), current_setting('transaction_read_only'), CAST(:own AS int)"
            )
            assert tuple(session.execute(sa.text(statement), {"own": client}).one()) == ("30s", "on", client)
        with engine.database.write() as session:
            statement = "SELECT current_setting('search_path'), current_setting('transaction_read_only')"
            assert tuple(session.execute(sa.text(statement)).one()) == ("public", "off")
    return decisions
