"""The demo: a story played on the real product, where nothing leaves the machine."""
