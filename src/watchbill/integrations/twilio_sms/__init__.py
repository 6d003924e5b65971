"""Twilio SMS: text messages that can be answered."""
