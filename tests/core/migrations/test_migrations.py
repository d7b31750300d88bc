"""What was recorded under an older schema is carried over."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import orjson
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from allowance import EventType
from sqlalchemy import text
from sqlmodel import col, select

from core.alerts.tables import Alert
from core.consumption.intervals import Interval, Span, read_histories
from core.consumption.points import Point
from core.consumption.readings.status import UsageStatus
from core.consumption.tables import LicenseOverview, ReadingHistory
from core.database.engine import Database
from core.database.types import UtcDateTime
from core.delivery.mail.tables import MailRecipient
from core.licenses.tables import Contract, Grant, License, alphabetical, searchable
from core.migrations.upgrade import MIGRATIONS, upgrade
from core.times import microseconds
from core.usage.events import UsageEvent
from core.usage.record import record
from core.usage.recount import recount
from core.usage.tables import Entity, ImportedFile, LateUsage, LedgerEvent, LedgerSegment, UsageLevel, UsageSeries

AT = datetime(2026, 3, 15, 12, tzinfo=UTC)


def upgrade_to(database: Database, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with database.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


@pytest.fixture
def empty(database: Database, tmp_path: Path) -> Iterator[Database]:
    """A database with nothing in it, not even a schema."""
    if database.is_sqlite:
        fresh = Database(f"sqlite:///{tmp_path}/empty.db")
        yield fresh
        fresh.close()
    else:
        with database.engine.begin() as connection:
            connection.exec_driver_sql("DROP SCHEMA public CASCADE")
            connection.exec_driver_sql("CREATE SCHEMA public")
        yield database


def test_events_of_the_first_schema_are_in_the_first_segment(empty: Database) -> None:
    upgrade_to(empty, "0001")
    digest = "x'00'" if empty.is_sqlite else "'\\x00'::bytea"
    rows = ", ".join(f"(1, '/mailer', 'e{n}', 7, {n}, '2026-03-15', {n}, 5, {digest})" for n in range(3))
    with empty.engine.begin() as connection:
        connection.exec_driver_sql(f"INSERT INTO usage_event VALUES {rows}")  # noqa: S608
    upgrade(empty)
    with empty.read() as session:
        events = session.exec(select(LedgerEvent).order_by(col(LedgerEvent.id))).all()
        [segment] = session.exec(select(LedgerSegment))
    assert [(one.id, one.whole, one.nanos, one.segment) for one in events] == [(f"e{n}", n, 5, 1) for n in range(3)]
    assert {(one.license_id, one.source, one.series_id, one.day) for one in events} == {
        (1, "/mailer", 7, date(2026, 3, 15))
    }
    assert segment.number == 1
    assert abs((datetime.now(UTC) - segment.opened_at).total_seconds()) < 600


def test_points_of_readings_are_in_one_row_for_each_license_and_time(empty: Database) -> None:
    upgrade_to(empty, "0002")
    noon = datetime(2026, 3, 15, 12, tzinfo=UTC)
    written = UtcDateTime().process_bind_param(noon, empty.engine.dialect)
    points = [
        ("forms", "3", "12.50", "OK"),
        ("users", None, None, "UNKNOWN"),
        ("profiles", "90071992547409920.000000001", "12", "EXCEEDED"),
    ]
    insert = text("INSERT INTO reading_point VALUES (:l, :m, :a, :u, :t, :s)")
    with empty.engine.begin() as connection:
        for license_id, count in ((1, 1), (2, 3)):
            for meter, used, limit, status in points[:count]:
                given = {"l": license_id, "m": meter, "a": written, "u": used, "t": limit, "s": status}
                connection.execute(insert, given)
    upgrade(empty)
    with empty.read() as session:
        rows = session.exec(select(ReadingHistory).order_by(col(ReadingHistory.license_id))).all()
        found = read_histories(session, {2: "UTC"}, "forms", Span(Interval.DAY, None, None, 10))[2]
    assert [(row.license_id, row.at, sorted(row.readings)) for row in rows] == [
        (1, noon, ["forms"]),
        (2, noon, ["forms", "profiles", "users"]),
    ]
    assert found.of("forms") == [Point(noon, Decimal(3), Decimal("12.50"), UsageStatus.OK)]
    assert found.of("users") == [Point(noon, None, None, UsageStatus.UNKNOWN)]
    assert found.of("profiles") == [
        Point(noon, Decimal("90071992547409920.000000001"), Decimal(12), UsageStatus.EXCEEDED)
    ]


def test_files_that_were_brought_in_by_backfill_are_still_known(empty: Database) -> None:
    upgrade_to(empty, "0003")
    before = sa.table(
        "imported_file",
        *(sa.column(name) for name in ("digest", "name", "lines")),
        *(sa.column(name, UtcDateTime()) for name in ("started_at", "finished_at")),
    )
    files = [
        {"digest": "a", "name": "a.ndjson", "lines": 7, "started_at": AT, "finished_at": AT},
        {"digest": "b", "name": "b.ndjson", "lines": 5, "started_at": AT, "finished_at": None},
    ]
    with empty.write() as session:
        session.connection().execute(sa.insert(before), files)
    upgrade(empty)
    with empty.read() as session:
        found = session.exec(select(ImportedFile).order_by(col(ImportedFile.digest))).all()
    assert [
        (file.digest, file.backfill, file.name, file.lines, file.rejected, file.rejected_path, file.finished_at)
        for file in found
    ] == [("a", True, "a.ndjson", 7, {}, None, AT), ("b", True, "b.ndjson", 5, {}, None, None)]


def test_alerts_of_before_were_found_when_they_were_crossed(empty: Database) -> None:
    upgrade_to(empty, "0014")
    with empty.engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO license (id, key, name, time_zone, created_at) VALUES (1, 'acme', 'Acme', 'UTC', '2026-01-01')"
        )
        connection.exec_driver_sql(
            'INSERT INTO alert (license_id, id, meter, period_first, period_end, ratio, "limit", basis,'
            " contract_version, used, status, crossed_at, recovery_told)"
            " VALUES (1, 'a', 'forms', '2026-01-01', '2027-01-01', '1', '5', '5 forms', 1, '6', 'EXCEEDED',"
            " '2026-03-15 12:00:00.000000', false)"
        )
    upgrade(empty)
    with empty.read() as session:
        [alert] = session.exec(select(Alert))
    assert (alert.meter, alert.used, alert.found_at) == ("forms", 6, alert.crossed_at)


def test_contracts_of_before_say_the_default_of_what_they_could_not_say(empty: Database) -> None:
    upgrade_to(empty, "0007")
    with empty.engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO license (id, key, name, time_zone, created_at) VALUES (1, 'acme', 'Acme', 'UTC', '2026-01-01')"
        )
        connection.exec_driver_sql(
            "INSERT INTO contract (license_id, version, effective_from, starts_on, billing_period, anchor, terms,"
            " at_risk, warnings, quotas, created_at)"
            " VALUES (1, 1, '2026-01-01', '2026-01-01', 'P1Y', 'CONTRACT_DATE', '{}',"
            " '{\"forms\":\"0.5\"}', false, '{}', '2026-01-01')"
        )
    upgrade(empty)
    with empty.read() as session:
        [contract] = session.exec(select(Contract))
    assert (contract.at_risk, contract.alert_at, contract.expiry_notice_days) == ({"forms": "0.5"}, {}, [30, 7])


def test_a_level_of_before_gives_way_to_a_report_of_its_time_that_is_accepted_later(empty: Database) -> None:
    upgrade_to(empty, "0012")
    with empty.engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO license (id, key, name, time_zone, created_at) "
            "VALUES (1, 'acme', 'Acme', 'UTC', '2026-01-01 00:00:00')"
        )
        connection.exec_driver_sql("INSERT INTO usage_series VALUES (7, 1, 'forms.level', '', '')")
        at = int(AT.timestamp()) * 10**6
        for id in ("a9", "a10"):
            connection.exec_driver_sql(
                "INSERT INTO usage_event (license_id, source, id, series_id, time, day, whole, nanos, segment) "  # noqa: S608
                f"VALUES (1, '/a', '{id}', 7, {at}, '2026-03-15', 1, 0, 1)"
            )
        connection.exec_driver_sql(
            "INSERT INTO usage_level (license_id, series_id, day, whole, nanos, time, source, event_id) "  # noqa: S608
            f"VALUES (1, 7, '2026-03-15', 1, 0, {at}, '/a', 'a9')"
        )
    upgrade(empty)
    event_types = {"forms.level": EventType("forms.level", "level")}
    with empty.read() as session:
        assert list(recount(session, 1, event_types)) == []
    new = UsageEvent(0, "acme", "/a", "a1", "forms.level", "level", "", "", at, True, 2, 0)
    with empty.write() as session:
        assert record(session, [new], AT).accepted == 1
    with empty.read() as session:
        assert session.exec(select(UsageLevel.event_id)).all() == ["a1"]
        assert list(recount(session, 1, event_types)) == []


def test_credits_spent_before_are_divided_by_instants_as_well(empty: Database) -> None:
    upgrade_to(empty, "0013")
    with empty.engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO license (id, key, name, time_zone, created_at) VALUES (1, 'acme', 'Acme', 'UTC', '2026-01-01')"
        )
        connection.exec_driver_sql(
            "INSERT INTO usage_series (id, license_id, event, entity, dimensions)"
            " VALUES (7, 1, 'sms.sent', '', ''), (8, 1, 'push.sent', '', '')"
        )
        connection.exec_driver_sql(
            "INSERT INTO credit_grant (license_id, id, meter, amount, granted_at)"
            " VALUES (1, 'g', 'sms_credits', '100', '2026-01-01')"
        )
        connection.exec_driver_sql(
            "INSERT INTO usage_event (segment, license_id, source, id, series_id, time, day, whole, nanos)"
            " VALUES (1, 1, '/mailer', 'a', 7, 5, '1970-01-01', 1, 0), (1, 1, '/mailer', 'b', 8, 5, '1970-01-01', 1, 0)"
        )
    upgrade(empty)
    with empty.read() as session:
        events = session.exec(select(LedgerEvent).order_by(col(LedgerEvent.id))).all()
    assert [(event.id, event.spends) for event in events] == [("a", True), ("b", False)]


def test_licenses_of_before_are_found_in_any_case(empty: Database) -> None:
    upgrade_to(empty, "0016")
    licenses = sa.table("license", *(sa.column(name) for name in ("id", "key", "name", "time_zone", "created_at")))
    names = {"one": "İSTANBUL Ulaşım", "Two": "ΟΔΟΣ", "three": "Straße 5"}
    at = UtcDateTime().process_bind_param(AT, empty.engine.dialect)
    rows = [
        {"id": number, "key": key, "name": name, "time_zone": "UTC", "created_at": at}
        for number, (key, name) in enumerate(names.items(), start=1)
    ]
    with empty.write() as session:
        session.connection().execute(sa.insert(licenses), rows)
    upgrade(empty)
    with empty.read() as session:
        found = session.exec(select(License).order_by(col(License.id))).all()
    assert [license.search for license in found] == [searchable(key, name) for key, name in names.items()]


def test_series_of_one_entity_in_several_spellings_are_joined(empty: Database) -> None:
    upgrade_to(empty, "0017")
    noon = int(AT.timestamp()) * 10**6
    series = [
        (7, "forms.level", "Zürich"), (8, "forms.level", "ZU\u0308RICH"), (9, "sms.sent", "zürich "),
        (10, "sms.sent", "Zürich"), (11, "forms.level", "Bern"), (12, "push.sent", "ZÜRICH"),
    ]  # fmt: skip
    # Series, id, minutes after noon, day of March, amount.
    events = [
        (7, "a", 0, 15, 4), (8, "b", 1, 15, 6), (7, "c", -1440, 14, 3), (11, "d", 0, 15, 1),
        (9, "e", 0, 15, 10), (10, "f", 0, 15, 20), (9, "g", 0, 14, 5), (12, "h", 0, 15, 2),
    ]  # fmt: skip
    with empty.engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO license (id, key, name, time_zone, created_at) "
            "VALUES (1, 'acme', 'Acme', 'UTC', '2026-01-01 00:00:00'), (2, 'b', 'B', 'UTC', '2026-01-01 00:00:00')"
        )
        insert = text("INSERT INTO usage_series VALUES (:id, 1, :event, :entity, '')")
        connection.execute(insert, [dict(zip(("id", "event", "entity"), row, strict=True)) for row in series])
        levels = {id for id, event, _ in series if event == "forms.level"}
        for of_series, id, minutes, day, amount in events:
            on, at = date(2026, 3, day), noon + minutes * 60_000_000
            row = {
                "s": of_series,
                "id": id,
                "t": at,
                "d": on.isoformat() if empty.is_sqlite else on,
                "w": amount,
                "n": 999_999_999 if of_series in (9, 10) else 0,
                "a": at if of_series in levels else None,
            }
            connection.execute(
                text(
                    "INSERT INTO usage_event (license_id, source, id, series_id, time, day, whole, nanos, segment, "
                    "accepted) VALUES (1, '/a', :id, :s, :t, :d, :w, :n, 1, :a)"
                ),
                row,
            )
            into = (
                "usage_level (license_id, series_id, day, whole, nanos, time, source, event_id, accepted) "
                "VALUES (1, :s, :d, :w, :n, :t, '/a', :id, :a)"
                if of_series in levels
                else "usage_sum (license_id, series_id, day, shard, whole, nanos, events) "
                "VALUES (1, :s, :d, 0, :w, :n, 1)"
            )
            connection.execute(text(f"INSERT INTO {into}"), row)
        connection.exec_driver_sql(
            "INSERT INTO credit_grant (license_id, id, meter, amount, entity, granted_at)"
            " VALUES (1, 'g', 'sms_credits', '100', 'ZÜRICH', '2026-01-01 00:00:00')"
        )
    upgrade(empty)
    with empty.read() as session:
        names = session.exec(select(col(Entity.license_id), col(Entity.name)).order_by(col(Entity.name))).all()
        kept = session.exec(select(col(UsageSeries.id), col(UsageSeries.entity)).order_by(col(UsageSeries.id))).all()
        level = session.exec(select(col(UsageLevel.day), col(UsageLevel.whole)).where(UsageLevel.series_id == 7)).all()
        late = session.exec(select(col(LateUsage.license_id), col(LateUsage.since))).all()
        assert session.exec(select(Grant.entity)).all() == ["Zürich"]
        types = {
            "forms.level": EventType("forms.level", "level"),
            "sms.sent": EventType("sms.sent", "counter"),
            "push.sent": EventType("push.sent", "counter"),
        }
        assert list(recount(session, 1, types)) == []
    assert names == [(1, "Bern"), (1, "Zürich")]
    assert kept == [(7, "Zürich"), (10, "Zürich"), (11, "Bern"), (12, "Zürich")]
    assert sorted(level) == [(date(2026, 3, 14), 3), (date(2026, 3, 15), 6)]
    assert late == [(1, date(2026, 3, 14))]
    retry = UsageEvent(0, "acme", "/a", "e", "sms.sent", "counter", "Zürich", "", noon, True, 10, 999_999_999)
    with empty.write() as session:
        assert record(session, [retry], AT).duplicates == 1


def test_alerts_and_recipients_of_before_hold_who_was_notified(empty: Database) -> None:
    upgrade_to(empty, "0019")
    found = "'2026-03-15 12:00:00.000000'"
    sent = "'2026-03-15 12:00:05.000000'"
    with empty.engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO license (id, key, name, time_zone, created_at) VALUES (1, 'acme', 'Acme', 'UTC', '2026-01-01')"
        )
        for number, alert in enumerate(("mailed", "hooked", "dropped", "purged"), start=1):
            at = found.replace("12:", f"{number:02}:")
            connection.exec_driver_sql(
                'INSERT INTO alert (license_id, id, meter, period_first, period_end, ratio, "limit", basis,'  # noqa: S608
                " contract_version, used, status, crossed_at, found_at, recovery_told) VALUES"
                f" (1, '{alert}', '{alert}', '2026-01-01', '2027-01-01', '1', '5', '', 1, '6', 'EXCEEDED', {at}, {at},"
                " false)"
            )
            if alert != "purged":
                connection.exec_driver_sql(
                    "INSERT INTO message (license_id, id, kind, occurred_at, document)"  # noqa: S608
                    f" VALUES (1, '{alert}', 'threshold.crossed', {at}, '{{}}')"
                )
        for message, channel, status in (
            ("mailed", "email", "SENT"), ("hooked", "email", "PARKED"), ("hooked", "webhook", "SENT"),
            ("dropped", "email", "DROPPED"),
        ):  # fmt: skip
            connection.exec_driver_sql(
                "INSERT INTO delivery (license_id, id, message_id, channel, recipient, status, attempts, created_at,"  # noqa: S608
                f" finished_at) VALUES (1, '{message}{channel}', '{message}', '{channel}', 'x', '{status}', 1, {found},"
                f" {sent})"
            )
        for email, ended in (("Ann@exämple.com", "NULL"), ("ann@xn--exmple-cua.com", found), ("Bob@x.de", "NULL")):
            connection.exec_driver_sql(
                "INSERT INTO mail_recipient (license_id, email, token, unsubscribed_at)"  # noqa: S608
                f" VALUES (1, '{email}', 'token of {email}', {ended})"
            )
    upgrade(empty)
    with empty.read() as session:
        alerts = {alert.id: alert for alert in session.exec(select(Alert))}
        recipients = session.exec(select(MailRecipient).order_by(col(MailRecipient.mailbox))).all()
    finished = datetime(2026, 3, 15, 12, 0, 5, tzinfo=UTC)
    assert [(alerts[name].notified_at, alerts[name].mailed_at) for name in ("mailed", "hooked", "dropped")] == [
        (finished, finished), (finished, None), (None, None),
    ]  # fmt: skip
    assert alerts["purged"].notified_at == alerts["purged"].mailed_at == alerts["purged"].found_at
    assert [(one.mailbox, one.token, one.unsubscribed_at is None) for one in recipients] == [
        ("ann@xn--exmple-cua.com", "token of ann@xn--exmple-cua.com", False),
        ("bob@x.de", "token of Bob@x.de", True),
    ]


def test_licenses_are_listed_from_their_snapshots(empty: Database) -> None:
    upgrade_to(empty, "0025")
    at = datetime(2026, 3, 15, 12, tzinfo=UTC)
    readings = {
        "profiles": {"status": "EXCEEDED", "used": "12", "limit": "10", "measured_at": at.isoformat(),
                     "due_at": (at + timedelta(hours=1)).isoformat()},
        "forms": {"status": "UNKNOWN"},
    }  # fmt: skip
    created = UtcDateTime().process_bind_param(at, empty.engine.dialect)
    with empty.engine.begin() as connection:
        connection.execute(
            text("INSERT INTO license (id, key, name, time_zone, created_at) VALUES (7, 'acme', 'Éa', 'UTC', :at)"),
            {"at": created},
        )
        connection.execute(
            text(
                "INSERT INTO snapshot (license_id, license_key, version, severity, readings) "
                "VALUES (7, 'acme', 3, 4, :readings)"
            ),
            {"readings": orjson.dumps(readings).decode()},
        )
    upgrade(empty)
    with empty.read() as session:
        [row] = session.exec(select(LicenseOverview))
        [license] = session.exec(select(License))
    assert (row.license_id, row.license_key, row.severity, row.utilization) == (7, "acme", 4, 1_200_000)
    assert (row.updated_at, row.stale_at) == (microseconds(at), microseconds(at + timedelta(hours=2)))
    assert (row.meters, license.name_order) == ("|profiles=4|", alphabetical(license.name))
