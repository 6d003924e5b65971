"""Intake: what sources post, accepted when it is durable."""
