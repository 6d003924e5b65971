"""Changes: what was done to the product, as sources report it."""
