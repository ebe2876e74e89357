"""Erasing a person: their personal data goes, here and at Stripe, and what the books need of them stays under a pseudonym."""
