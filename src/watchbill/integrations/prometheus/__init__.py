"""Prometheus: alerts posted straight from it, as to an Alertmanager (API v2)."""
