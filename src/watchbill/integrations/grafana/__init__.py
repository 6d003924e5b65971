"""Grafana: its alerting webhook as a source of alerts."""
