"""Opsgenie: Alert API v2 and heartbeat pings, from its clients and tools."""
