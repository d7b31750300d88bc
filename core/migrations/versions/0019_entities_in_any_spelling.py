"""Entities are known by name in any spelling, and series that differ in the spelling of their entity become one."""

import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_NAME = sa.String(collation="C").with_variant(sa.String(), "sqlite")
_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u2060\ufeff"))


def upgrade() -> None:
    op.create_table(
        "entity",
        sa.Column("license_id", _ID, sa.ForeignKey("license.id"), primary_key=True),
        sa.Column("name", _NAME, primary_key=True),
        sa.Column("label", sa.String(), nullable=True),
        sa.Column("closed_from", sa.Date(), nullable=True),
        sa.Column("into", _NAME, nullable=True),
        sa.Column("changed_by", sa.String(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=True),
    )
    op.create_table(
        "entity_spelling",
        sa.Column("license_id", _ID, sa.ForeignKey("license.id"), primary_key=True),
        sa.Column("folded", _NAME, primary_key=True),
        sa.Column("name", _NAME, nullable=False),
    )
    connection = op.get_bind()
    names, series = _read_names(connection)
    if names:
        rows = [{"license_id": license_id, "folded": folded, "name": name} for (license_id, folded), name in names]
        connection.execute(sa.text("INSERT INTO entity_spelling VALUES (:license_id, :folded, :name)"), rows)
        connection.execute(sa.text("INSERT INTO entity (license_id, name) VALUES (:license_id, :name)"), rows)
    changed = _join_series(connection, dict(names), series)
    changed |= _rename_in_credits(connection, dict(names))
    for license_id in sorted(changed):
        _measure_again(connection, license_id)


def _read_names(connection: sa.Connection) -> tuple[list[tuple[tuple[int, str], str]], list[Any]]:
    """Return the first spelling of each entity by license and folded name, and all series of entities."""
    series = connection.execute(
        sa.text("SELECT id, license_id, event, entity, dimensions FROM usage_series WHERE entity <> '' ORDER BY id")
    ).all()
    names: dict[tuple[int, str], str] = {}
    for row in series:
        names.setdefault((row.license_id, _fold(row.entity)), row.entity)
    for table, time in (("credit_grant", "granted_at"), ("credit_request", "requested_at")):
        statement = f"SELECT license_id, entity FROM {table} WHERE entity IS NOT NULL ORDER BY {time}, id"  # noqa: S608
        for license_id, entity in connection.execute(sa.text(statement)):
            names.setdefault((license_id, _fold(entity)), entity)
    return sorted(names.items()), list(series)


def _join_series(connection: sa.Connection, names: dict[tuple[int, str], str], series: Sequence[Any]) -> set[int]:
    """Join the series that differ in the spelling of their entity. Return the licenses of these."""
    groups: dict[tuple[Any, ...], list[Any]] = defaultdict(list)
    for row in series:
        groups[row.license_id, row.event, _fold(row.entity), row.dimensions].append(row)
    changed = set()
    for (license_id, _, folded, _), members in groups.items():
        name = names[license_id, folded]
        kept = next((row for row in members if row.entity == name), members[0])
        others = [row.id for row in members if row.id != kept.id]
        for other in others:
            _move(connection, license_id, other, kept.id)
        if others:
            changed.add(license_id)
            _join_levels(connection, license_id, kept.id, others)
        for other in others:
            connection.execute(sa.text("DELETE FROM usage_series WHERE id = :id"), {"id": other})
        if kept.entity != name:
            connection.execute(
                sa.text("UPDATE usage_series SET entity = :name WHERE id = :id"), {"name": name, "id": kept.id}
            )
            changed.add(license_id)
    return changed


def _move(connection: sa.Connection, license_id: int, other: int, kept: int) -> None:
    """Move the events, sums and slices of a series to another one."""
    given = {"license": license_id, "other": other, "kept": kept}
    where = "WHERE license_id = :license AND series_id = :other"
    for statement in (
        f"UPDATE usage_event SET series_id = :kept {where}",  # noqa: S608
        "INSERT INTO usage_sum (license_id, series_id, day, shard, whole, nanos, events) "  # noqa: S608
        f"SELECT license_id, CAST(:kept AS BIGINT), day, shard, whole, nanos, events FROM usage_sum {where} "
        "ON CONFLICT (license_id, series_id, day, shard) DO UPDATE SET whole = usage_sum.whole + excluded.whole, "
        "nanos = usage_sum.nanos + excluded.nanos, events = usage_sum.events + excluded.events",
        f"DELETE FROM usage_sum {where}",  # noqa: S608
        "INSERT INTO credit_slice (license_id, day, series_id, starts_at, whole, nanos) "  # noqa: S608
        f"SELECT license_id, day, CAST(:kept AS BIGINT), starts_at, whole, nanos FROM credit_slice {where} "
        "ON CONFLICT (license_id, day, series_id, starts_at) DO UPDATE "
        "SET whole = credit_slice.whole + excluded.whole + (credit_slice.nanos + excluded.nanos) / 1000000000, "
        "nanos = (credit_slice.nanos + excluded.nanos) % 1000000000",
        f"DELETE FROM credit_slice {where}",  # noqa: S608
    ):
        connection.execute(sa.text(statement), {key: given[key] for key in given if f":{key}" in statement})


def _join_levels(connection: sa.Connection, license_id: int, kept: int, others: Sequence[int]) -> None:
    """Keep the newest level of each day, by the rules by which reports follow each other in one series."""
    among = {"license": license_id, "series": [kept, *others]}
    where = "WHERE license_id = :license AND series_id IN :series"
    columns = "day, whole, nanos, time, source, event_id, accepted"
    in_series: sa.BindParameter[Any] = sa.bindparam("series", expanding=True)
    rows = connection.execute(
        sa.text(f"SELECT {columns} FROM usage_level {where}").bindparams(in_series),  # noqa: S608
        among,
    ).all()
    days: dict[Any, Any] = {}
    for new in sorted(rows, key=lambda row: (_accepted(row), row.time)):
        stored = days.get(new.day)
        if stored is None or _order(new) > _order(stored) or _is_outdated(stored, new):
            days[new.day] = new
    connection.execute(sa.text(f"DELETE FROM usage_level {where}").bindparams(in_series), among)  # noqa: S608
    if days:
        fields = ("day", "whole", "nanos", "time", "source", "event_id", "accepted")
        values = ", ".join(f":{field}" for field in fields)
        connection.execute(
            sa.text(f"INSERT INTO usage_level (license_id, series_id, {columns}) VALUES (:license, :kept, {values})"),  # noqa: S608
            [
                {"license": license_id, "kept": kept, **dict(zip(fields, row, strict=True))}
                for _, row in sorted(days.items())
            ],
        )


def _accepted(row: Any) -> int:
    accepted: int = row.time if row.accepted is None else row.accepted
    return accepted


def _order(row: Any) -> tuple[int, int, str, str]:
    return row.time, _accepted(row), row.source, row.event_id


def _is_outdated(ahead: Any, new: Any) -> bool:
    return bool(
        ahead.accepted is not None
        and ahead.time > ahead.accepted + 1_000_000
        and _accepted(new) >= ahead.time
        and new.time > ahead.accepted
    )


def _rename_in_credits(connection: sa.Connection, names: dict[tuple[int, str], str]) -> set[int]:
    """Give the entities of grants and requests their first spelling. Return the licenses whose grants changed."""
    changed = set()
    for table in ("credit_grant", "credit_request"):
        rows = connection.execute(
            sa.text(f"SELECT license_id, id, entity FROM {table} WHERE entity IS NOT NULL")  # noqa: S608
        ).all()
        for license_id, id, entity in rows:
            name = names[license_id, _fold(entity)]
            if name != entity:
                update = f"UPDATE {table} SET entity = :name WHERE license_id = :license AND id = :id"  # noqa: S608
                connection.execute(sa.text(update), {"name": name, "license": license_id, "id": id})
                if table == "credit_grant":
                    changed.add(license_id)
    return changed


def _measure_again(connection: sa.Connection, license_id: int) -> None:
    """Drop the checkpoint of a license, and have its history measured again from its first usage on, soon."""
    given = {"license": license_id}
    for statement in (
        "DELETE FROM usage_checkpoint WHERE license_id = :license",
        "INSERT INTO late_usage (license_id, since, revision) SELECT CAST(:license AS BIGINT), day, 1 FROM ("
        "SELECT min(day) AS day FROM (SELECT day FROM usage_sum WHERE license_id = :license "
        "UNION ALL SELECT day FROM usage_level WHERE license_id = :license) AS days) AS first WHERE day IS NOT NULL "
        "ON CONFLICT (license_id) DO UPDATE SET revision = late_usage.revision + 1, "
        "since = CASE WHEN excluded.since < late_usage.since THEN excluded.since ELSE late_usage.since END",
        "UPDATE refresh_run SET due_at = CURRENT_TIMESTAMP "
        "WHERE license_id = :license AND id = 'schedule' AND status = 'QUEUED'",
    ):
        connection.execute(sa.text(statement), given)


def _fold(text: str) -> str:
    spaced = " ".join(text.translate(_INVISIBLE).split())
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", spaced).upper().casefold())
