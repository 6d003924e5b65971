"""Reports: what the records say about how the plan was lived."""
