"""Alerts: the conditions that sources report."""
