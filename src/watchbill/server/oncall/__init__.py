"""On-call: who holds the watch, now and next."""
