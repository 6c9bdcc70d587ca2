"""How the tables became what they are; Alembic runs what is missing."""
