"""One household as a page: who lives there, what was changed, who was there, and everything that can be done about it."""
