"""Twilio voice: calls that are answered by a key."""
