"""Heartbeats: pings of jobs, as Healthchecks takes them, and their silence."""
