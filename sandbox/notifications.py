"""Thin events: what happened to which object, without the object (docs.stripe.com/event-destinations#thin-payload)."""

from datetime import UTC, datetime

from sandbox.shapes import Json


def notification(event: Json, event_id: str) -> Json | None:
    """Return the thin event beside a snapshot event, with an id of its own; None where the object has no id to be named by."""
    about = event["data"]["object"]
    if "id" not in about:
        return None
    created = datetime.fromtimestamp(event["created"], UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    reason = {"type": "request", "request": event["request"]} if event["request"]["id"] else None
    related = {"id": about["id"], "type": about["object"], "url": f"/v1/{about['object'].replace('.', '/')}s/{about['id']}"}
    return {
        "id": event_id, "object": "v2.core.event", "type": f"v1.{event['type']}", "livemode": False, "created": created, "context": None,
        "reason": reason, "related_object": related,
    }  # fmt: skip
