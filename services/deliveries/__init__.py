"""Outgoing events: what happened here, told to other back ends."""
