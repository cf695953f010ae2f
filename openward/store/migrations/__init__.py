"""Numbered, one-way migrations, applied in a transaction and recorded by Alembic."""
