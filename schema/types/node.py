"""Whatever has an id of its own."""

import strawberry


@strawberry.interface(description="An object with a globally unique id (Relay's Global Object Identification).")
class Node:
    """The one way to any row."""

    id: strawberry.ID
