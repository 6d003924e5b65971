"""New Relic: notifications of its workflows as a source of alerts."""
