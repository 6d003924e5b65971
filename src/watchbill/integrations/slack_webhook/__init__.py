"""Slack webhook: what tools post to an incoming webhook of Slack, read as alerts."""
