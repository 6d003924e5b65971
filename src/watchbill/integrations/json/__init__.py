"""JSON: any JSON body as a source, read by a mapping of fields."""
