"""Who did what, when, from where: written by the database, sealed into a chain."""
