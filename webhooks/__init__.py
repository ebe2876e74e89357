"""Stripe speaking to us: who it is, and which event means what."""
