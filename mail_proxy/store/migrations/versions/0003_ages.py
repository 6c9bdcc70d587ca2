"""An age of its own for each account, since when it counts, and an index of what expires."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("accounts", sa.Column("max_age", sa.Float(), nullable=True))
    op.add_column("messages", sa.Column("retried_at", sa.Float(), nullable=True))
    condition = sa.text("expires_at IS NOT NULL AND state IN ('suspended', 'waiting')")
    op.create_index(
        "messages_expiring",
        "messages",
        ["expires_at", "tenant_id", "pk"],
        sqlite_where=condition,
        postgresql_where=condition,
    )
