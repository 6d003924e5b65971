"""LogRocket: alerts on its metrics as a source, by a mapping."""
