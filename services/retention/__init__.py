"""Deleting what is older than it has to be kept: books by whole years, and what was recorded beside them (docs/retention.md)."""
