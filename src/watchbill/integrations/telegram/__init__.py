"""Telegram: messages of a bot, with buttons and commands that answer."""
