"""What each kind of outbox entry asks for."""

from models import OutboxKind
from services.duplicates import end_duplicate, return_duplicate, return_excess
from services.holders import apply_features
from services.instalments import plan_end
from services.open_checkouts import close_checkouts
from services.outbox_worker import Tasks

TASKS: Tasks = {
    OutboxKind.CLOSE_CHECKOUTS: close_checkouts,
    OutboxKind.RETURN_DUPLICATE: return_duplicate,
    OutboxKind.RETURN_EXCESS: return_excess,
    OutboxKind.END_DUPLICATE: end_duplicate,
    OutboxKind.PLAN_END: plan_end,
    OutboxKind.APPLY_FEATURES: apply_features,
}
"""Kind -> what does it."""
