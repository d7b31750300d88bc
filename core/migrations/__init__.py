"""Migrations of the database's schema, by Alembic."""
