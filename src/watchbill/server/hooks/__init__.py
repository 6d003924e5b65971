"""Hooks: what providers tell us, and what was asked for in a channel."""
