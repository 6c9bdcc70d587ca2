"""Messages and lines of the command log tell the request that they came with."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("messages", sa.Column("request_id", sa.String(), nullable=True))
    op.add_column("command_log", sa.Column("request_id", sa.String(), nullable=True))
