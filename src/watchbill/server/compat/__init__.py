"""The interfaces of other products, as their clients expect them."""
