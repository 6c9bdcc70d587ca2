"""Limits count leased rows: an index finds those of a tenant, and reservations are not stored."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_table("reservations")
    condition = sa.text("state IN ('leased') AND n > 0")
    op.create_index(
        "counts_leased",
        "counts",
        ["tenant_id", "account_id", "n"],
        sqlite_where=condition,
        postgresql_where=condition,
    )
