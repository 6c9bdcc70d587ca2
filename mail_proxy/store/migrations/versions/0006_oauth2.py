"""Accounts that log in with an access token."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "accounts",
        sa.Column("auth_method", sa.String(), server_default="password", nullable=False),
    )
    op.add_column("accounts", sa.Column("oauth2_enc", sa.Text(), nullable=True))
