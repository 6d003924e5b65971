"""The book: every rule of watchbill, as pure functions over values.

Nothing here reads a clock, a file, a socket or a database. The shell loads facts, asks
a question with ``now`` (the instant being decided) or ``at`` (any instant), and records
the answer. Read the chapters in this order: temporal, labels, severity, people,
recurrence, sweep, layers, oncall, coverage, workload, alerts, monitoring, maintenance,
suppression, flapping, storms, heartbeats, routing, ladder, roster, team, firing,
rounds, escalation, regrade, messages, notification, paging, incidents, access, sla,
changes, bugs, reviews, planapproval, reports; and, by itself, ledger.

Laws of every deciding function, each held by a property test: asked twice it
answers once; it is silent until due; it says when to ask next; it says why; it
is total.
"""
