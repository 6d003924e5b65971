"""Sentry: webhooks of its integration platform as a source of alerts."""
