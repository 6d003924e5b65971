"""Incidents: what needs a human, and everything that happened."""
