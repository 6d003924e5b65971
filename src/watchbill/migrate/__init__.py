"""Moving in: what other products and calendars hold, as values of a plan.

Each product has a folder with one pure function that reads its exported JSON into the
neutral values of :mod:`watchbill.migrate.model`; from there on there is one way into a
plan. Nothing is lost silently: every object that a file holds is named in the report as
taken, guessed or dropped, with the reason, and what the file holds beside them is named
as unread. Where an export includes the shifts that the product itself computed, they
are compared with those of the imported schedule, minute by minute.

Nothing here opens a file, reads a clock or knows the server: callers pass the bytes
and the time.
"""
