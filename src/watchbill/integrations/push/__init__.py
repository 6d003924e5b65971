"""Web push: notifications of the browser, on phones too, without an app."""
