"""Pingdom: the webhook of its checks as a source of alerts."""
