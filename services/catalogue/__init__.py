"""What is sold: plans and their prices, ours first, then at Stripe."""

from services.catalogue.change import price_terms
from services.catalogue.document import CatalogueFault, CatalogueFile
from services.catalogue.plans import archive, save, save_plan
from services.catalogue.pulling import Pulled, pull
from services.catalogue.pushing import PUSH_LOCK, Step, push, steps
from services.catalogue.rendering import rendered
from services.catalogue.terms import PlanTerms, PriceTerms

__all__ = [
    "PUSH_LOCK",
    "CatalogueFault",
    "CatalogueFile",
    "PlanTerms",
    "PriceTerms",
    "Pulled",
    "Step",
    "archive",
    "price_terms",
    "pull",
    "push",
    "rendered",
    "save",
    "save_plan",
    "steps",
]
