"""E-mail: one message that reads well on a small phone at night."""
