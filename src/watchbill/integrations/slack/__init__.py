"""Slack: messages to a channel, by bot token or by incoming webhook."""
