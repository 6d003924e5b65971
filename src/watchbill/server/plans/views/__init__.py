"""The pages of the plan: reading, deciding, writing, simulating."""
