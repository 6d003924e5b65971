"""CloudEvents: events of CNCF's common format as a source, by a mapping."""
