"""Sentry SDK: errors and check-ins straight from applications, as a source."""
