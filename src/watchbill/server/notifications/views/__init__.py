"""Pages of the delivery log, and of how people are told."""
