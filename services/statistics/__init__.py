"""Statistics: what happened by day, currency and seller, from sums that are kept while it happens (docs/statistics.md)."""
