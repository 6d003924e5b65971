"""Heartbeats: jobs and monitoring systems that say that they are alive."""
