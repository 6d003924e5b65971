"""Versions of the support plan, as stored and in force."""
