"""Silences: alerts that shall page nobody for a while."""
