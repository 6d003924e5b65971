"""The outbox: what must reach whom, and each attempt."""
