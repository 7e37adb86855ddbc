"""A grid worker's round: the households of a place in the order of a walk, what is known of each, and who was there."""
