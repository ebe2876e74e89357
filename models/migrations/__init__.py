"""Migrations, forward only: reviewed SQL that both engines take, since Tortoise's own operations create no CHECKs and no RESTRICT on SQLite."""
