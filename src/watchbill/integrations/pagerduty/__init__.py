"""PagerDuty: alerts, acknowledgements and resolutions by Events API v2."""
