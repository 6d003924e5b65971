"""The sections of a plan beyond who is told: one module for each part of it."""
