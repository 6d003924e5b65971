"""The shell: one Django app around the core, with a room for each concept.

A room has at most ``models queries actions forms views api admin urls``, always
with these meanings: models hold fields and constraints and decide nothing;
queries read rows into core values; actions write, one transaction each; views
authorise, parse, call one action or query and render.
"""
