"""Limits of what a tenant may queue and ask, and an index of answers that may be forgotten."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("tenants", sa.Column("max_queued", sa.BigInteger(), nullable=True))
    op.add_column("tenants", sa.Column("max_requests_per_minute", sa.Integer(), nullable=True))
    op.create_index("idempotency_created", "idempotency", ["created_at", "tenant_id", "key"])
