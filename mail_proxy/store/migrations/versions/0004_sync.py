"""Secrets that sign reports, reports asked for again, accounts that a person has paused."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("tenants", sa.Column("webhook_secrets_enc", sa.Text(), nullable=True))
    op.add_column("events", sa.Column("replayed_at", sa.Float(), nullable=True))
    op.add_column("accounts", sa.Column("stopped_at", sa.Float(), nullable=True))
    op.add_column("accounts", sa.Column("stopped_reason", sa.Text(), nullable=True))
    condition = sa.text("report_state = 'parked'")
    op.create_index(
        "events_parked",
        "events",
        ["tenant_id", "pk"],
        sqlite_where=condition,
        postgresql_where=condition,
    )
