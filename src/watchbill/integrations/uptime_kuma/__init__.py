"""Uptime Kuma: its webhook as a source of alerts."""
