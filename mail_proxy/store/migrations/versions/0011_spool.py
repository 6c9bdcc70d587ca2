"""Posted octets lie in spool files, and an attachment's own credentials are sealed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_TRIGGERS = (
    """
    CREATE TRIGGER contents_spool_deleted AFTER DELETE ON contents WHEN OLD.spool IS NOT NULL
    BEGIN INSERT OR IGNORE INTO spool_garbage (name) VALUES (OLD.spool); END
    """,
    """
    CREATE TRIGGER contents_spool_changed AFTER UPDATE OF spool ON contents
    WHEN OLD.spool IS NOT NULL AND OLD.spool IS NOT NEW.spool
    BEGIN INSERT OR IGNORE INTO spool_garbage (name) VALUES (OLD.spool); END
    """,
)


def upgrade() -> None:
    op.add_column("contents", sa.Column("auth_enc", sa.Text(), nullable=True))
    op.create_index(
        "contents_spool", "contents", ["spool"], sqlite_where=sa.text("spool IS NOT NULL")
    )
    op.create_index(
        "contents_auth",
        "contents",
        ["tenant_id", "message_pk"],
        sqlite_where=sa.text("auth_enc IS NOT NULL"),
    )
    op.create_table(
        "spool_garbage",
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
        sqlite_with_rowid=False,
    )
    for trigger in _TRIGGERS:
        op.execute(trigger)
