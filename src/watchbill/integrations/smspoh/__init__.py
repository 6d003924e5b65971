"""SMSPoh: text messages by an aggregator in Myanmar."""
