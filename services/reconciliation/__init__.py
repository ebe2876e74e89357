"""Our rows and Stripe's objects compared, both ways, and mended.

Stripe's lists find what we lack; our own rows find what Stripe has no more, and what is older than the lists are walked.
"""

from services.reconciliation.comparison import Finding, Verdict
from services.reconciliation.walk import Tally, reconcile

__all__ = ["Finding", "Tally", "Verdict", "reconcile"]
