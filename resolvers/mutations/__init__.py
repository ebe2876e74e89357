"""What a caller may change: authorise, call one service, hand back what it made. Refusals become `userErrors` in payload.py."""
