"""The first schema: workspace, artefacts, stage runs, ledger, outbox."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "workspace",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("recipient", sa.Text, nullable=False),
        sa.Column("signer", sa.Text, nullable=False),
        sa.Column("created", sa.String(40), nullable=False),
        sa.Column("evidence", sa.Integer, nullable=False),
    )
    op.create_table(
        "artefacts",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("created", sa.String(40), nullable=False),
    )
    op.create_table(
        "stage_runs",
        sa.Column("evidence", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("stage", sa.Text, nullable=False, index=True),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("doc", sa.Text, nullable=False),
        sa.Column("finished", sa.String(40), nullable=False),
    )
    op.create_table(
        "stage_outputs",
        sa.Column("run", sa.Integer, sa.ForeignKey("stage_runs.evidence"), primary_key=True),
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column(
            "artefact",
            sa.String(64),
            sa.ForeignKey("artefacts.digest"),
            nullable=False,
            index=True,
        ),
    )
    op.create_table(
        "ledger_entries",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("id", sa.String(32), nullable=False, unique=True),
        sa.Column("account", sa.Text, nullable=False, index=True),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("spend", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("seed", sa.LargeBinary, nullable=True),
        sa.Column("created", sa.String(40), nullable=False),
        sa.Column("settled", sa.String(40), nullable=True),
        sa.Column("evidence", sa.Integer, nullable=False),
        sa.Column("settled_evidence", sa.Integer, nullable=True),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("envelope", sa.LargeBinary, nullable=False),
    )


def downgrade() -> None:
    for table in (
        "outbox",
        "ledger_entries",
        "stage_outputs",
        "stage_runs",
        "artefacts",
        "workspace",
    ):
        op.drop_table(table)
