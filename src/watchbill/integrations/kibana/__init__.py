"""Kibana: alerting rules and Watcher of Elastic as a source, by a mapping."""
