"""Apprise: the long tail of services, by a library that speaks to them."""
