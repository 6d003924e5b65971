"""Prometheus Alertmanager: its webhook, version 4, as a source of alerts."""
