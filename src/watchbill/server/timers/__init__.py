"""Due steps: every promise about time, as a row."""
