"""E-mail: a message is an alert, for whatever can send nothing but mail."""
