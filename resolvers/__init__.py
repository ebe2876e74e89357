"""What a caller may do and see: who asks, what is theirs, and how what they select is read."""
