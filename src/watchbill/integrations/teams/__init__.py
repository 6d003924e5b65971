"""Microsoft Teams: cards in a channel, by a workflow's webhook."""
