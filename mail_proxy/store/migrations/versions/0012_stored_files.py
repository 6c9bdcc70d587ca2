"""Files that mails have links to are found by their message, their id and their end."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("tenants", sa.Column("storage_auth_enc", sa.Text(), nullable=True))
    for column in (
        sa.Column("key", sa.Text(), nullable=False, server_default=""),
        sa.Column("mime_type", sa.Text(), nullable=False, server_default=""),
        sa.Column("sha256", sa.String(), nullable=False, server_default=""),
        sa.Column("state", sa.String(), nullable=False, server_default="uploading"),
        sa.Column("message_pk", sa.BigInteger(), nullable=True),
        sa.Column("position", sa.Integer(), nullable=True),
        sa.Column("dropped_as", sa.Text(), nullable=True),
    ):
        op.add_column("stored_files", column)
    op.create_index("stored_files_id", "stored_files", ["file_id"])
    op.create_index("stored_files_message", "stored_files", ["tenant_id", "message_pk"])
    op.create_index("stored_files_expiring", "stored_files", ["expires_at", "tenant_id", "file_id"])
