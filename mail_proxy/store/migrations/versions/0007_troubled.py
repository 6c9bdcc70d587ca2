"""An index of the messages that ask for a person: held, in doubt, failed, bounced."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    condition = sa.text("state IN ('bounced', 'failed', 'held', 'in_doubt')")
    op.create_index(
        "messages_troubled",
        "messages",
        ["tenant_id", "state", "pk"],
        sqlite_where=condition,
        postgresql_where=condition,
    )
