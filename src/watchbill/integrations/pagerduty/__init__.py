"""PagerDuty: Events API v2 and change events, from its clients and to PagerDuty."""
