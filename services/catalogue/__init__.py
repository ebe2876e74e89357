"""What is sold: plans and their prices, ours first, then at Stripe."""

from services.catalogue.plans import archive, save, save_plan
from services.catalogue.terms import PlanTerms, PriceTerms

__all__ = ["PlanTerms", "PriceTerms", "archive", "save", "save_plan"]
