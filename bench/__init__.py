"""Speed, as ratios against hand-written endpoints in the same run: `make bench`. Nothing here is asserted in tests."""
