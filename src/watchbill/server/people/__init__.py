"""People: which user of the console is which contact of the plan."""
