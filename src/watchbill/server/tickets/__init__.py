"""Tickets: work that the help desk keeps track of."""
