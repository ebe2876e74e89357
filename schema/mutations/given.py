"""The one argument of every mutation."""

import strawberry

GIVEN = strawberry.argument(name="input")
"""Every mutation takes one argument of this name."""
