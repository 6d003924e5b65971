"""A20 to A38: hours, rotations, windows, approvals, teams and triage."""

from watchbill.plan.decisions.decision import Decision

PEOPLE = (
    Decision(
        id="A20",
        title="Business hours without hours",
        keys=("business_hours",),
        default="Monday to Friday, 09:00 to 18:00, without public holidays.",
        reason="These are ordinary office hours in Yangon. The holidays stand in the "
        "plan because many follow the moon and are announced late.",
        requirements=("S2.1-05",),
    ),
    Decision(
        id="A21",
        title="Day, Night and Weekend without hours, for four people",
        keys=("shifts", "levels.*.cover"),
        default="Day 08-20 on weekdays, weekend 08-20, night 20-08 every day.",
        reason="The three shifts cover the week exactly. That one person then works "
        "84 hours is a gap of the plan, and is reported instead of hidden.",
        requirements=("S2.1-01", "S2.1-02"),
    ),
    Decision(
        id="A22",
        title="Experts are on call without a rota",
        keys=("levels.*.cover", "default_expert"),
        default="Each expert is on call always; one alone is reported.",
        reason="Nothing else is promised, and a rotation of one is no rotation. The "
        "default expert answers where no specialty fits.",
        requirements=("S2.1-08", "S2.1-09", "S2.1-10"),
    ),
    Decision(
        id="A23",
        title="On-call weeks without an hour or a team",
        keys=(
            "on_call.*.first_week",
            "on_call.*.handover",
            "on_call.*.members",
            "on_call.*.secondary",
            "on_call.*.shadow",
        ),
        default="Handover on Friday at 10:00; last week's primary is the backup.",
        defaults={"on_call.*.secondary": "previous", "on_call.*.shadow": "next"},
        reason="Both are awake and in the office at the handover. Whoever had the "
        "week before knows what is still smouldering.",
        requirements=("S4.4-02", "S4.4-04", "S4.4-06"),
    ),
    Decision(
        id="A24",
        title="Which Sunday, and what if two windows meet?",
        keys=(
            "maintenance.windows.*.repeats",
            "maintenance.overlap",
            "maintenance.priority",
        ),
        default="First Sunday, every second, third of a quarter; the lesser moves.",
        defaults={"maintenance.overlap": "shift"},
        reason='"Bi-weekly" is every two weeks here, twice a week would leave no '
        "Sunday alone. On seven days of the first year windows meet.",
        requirements=("S5.1-02", "S5.1-03", "S5.1-04", "S5.1-09"),
    ),
    Decision(
        id="A25",
        title="Three jobs of the night leave no slack",
        keys=("maintenance.windows.*.heartbeat_grace",),
        default="Maintenance waits for the backup, which may be 15 min late.",
        reason="An overrunning backup would be cut off by the very work that needs it.",
        requirements=("S5.1-13", "S5.2-03"),
    ),
    Decision(
        id="A26",
        title='48 hours of notice for patches "as needed"',
        keys=(
            "maintenance.notice",
            "maintenance.notice_waived_by",
            "maintenance.windows.*.impact",
        ),
        default="Notice where users feel it; an emergency may waive it, by name.",
        defaults={"maintenance.notice": "48h"},
        reason="Nobody wants mail about the nightly backup, and nobody wants a hole "
        "left open for two days.",
        requirements=("S5.2-01", "S5.1-01"),
    ),
    Decision(
        id="A27",
        title="Patches and dependency updates are no type of change",
        keys=("maintenance.windows.*.change", "changes.types"),
        default="A patch is infrastructure, an update a bug fix, a critical hole a "
        "hotfix.",
        reason="Every change needs one row of the table, or it would need no approval.",
        requirements=("S5.3-01", "S5.3-04", "S5.1-01", "S5.1-03"),
    ),
    Decision(
        id="A28",
        title="A hotfix at 03:00 needs somebody who works by day",
        keys=(
            "changes.approval.fallback.who",
            "changes.approval.fallback.after",
            "changes.approval.break_glass_within",
        ),
        default="After 15 min the Engineering Manager, then break-glass.",
        defaults={
            "changes.approval.fallback.after": "15m",
            "changes.approval.break_glass_within": "24h",
        },
        reason="An outage must not wait for a signature; that nobody gave one must "
        "not stay unseen either, so it is given within a day.",
        requirements=("S5.3-13", "S6.2-10"),
    ),
    Decision(
        id="A29",
        title="L2 works by day, and tree and routes call it at any hour",
        keys=("alerts.after_hours", "escalation.*.*.when"),
        default="At night a P1 pages, a P2 reaches the on-call, the rest waits.",
        defaults={"escalation.*.*.when": "always"},
        reason="The hours protect people from what can wait, and an outage cannot.",
        requirements=("S2.1-05", "S4.3-06"),
    ),
    Decision(
        id="A30",
        title="An incident response team that nobody defines",
        keys=("incidents.team",),
        default="Technical Lead commands, the on-call repairs, the desk speaks.",
        reason="The roles are the usual ones, given to whom the plan already calls at "
        "that time, so that activating the team wakes nobody else.",
        requirements=("S3.1-06",),
    ),
    Decision(
        id="A31",
        title="Stakeholders are told in a channel for engineers",
        keys=("incidents.digest",),
        default="#incidents, and mail to management for a P1, hourly.",
        reason="The post is what the plan asks for; the mail reaches those whom it "
        "means.",
        requirements=("S3.1-07", "S7.1-04"),
    ),
    Decision(
        id="A32",
        title="A P2 pages nobody and is answered in 15 minutes",
        keys=("escalation.*.*.do", "escalation.*.*.when"),
        default="The on-call is paged: at once at night, after 10 min by day.",
        reason="A promise at any hour needs a way to wake somebody; by day the team "
        "is there and gets the first word.",
        requirements=("S3.1-11", "S3.1-15", "S3.2-02"),
    ),
    Decision(
        id="A33",
        title="Small incidents go to L2, big ones straight to L3",
        keys=("escalation.*.*.who", "severities.*.ticket.team"),
        default="As written; the level that holds a ticket is recorded.",
        reason="L2 already has a P1 or P2 from its first minute. Small ones begin at "
        "the help desk, and L2 is their next level.",
        requirements=("S3.1-21", "S3.1-28", "S3.2-12", "S3.2-15"),
    ),
    Decision(
        id="A34",
        title="Nothing happens when a resolution target is missed",
        keys=(
            "incidents.overdue.repeat_every",
            "incidents.overdue.executive_update",
            "incidents.overdue.suggest_raise",
        ),
        default="Owner and lead are told, again each day; executives hourly for a P1.",
        defaults={"incidents.overdue.repeat_every": "24h"},
        reason="A target that is missed in silence is no target. Raising a severity "
        "stays with people and is only suggested.",
        requirements=("S3.1-03", "S3.1-12", "S3.1-20", "S3.1-27"),
    ),
    Decision(
        id="A35",
        title="Who decides the severity?",
        keys=("severities.*.criteria", "incidents.severity_proposed_by"),
        default="A criterion proposes, L1 confirms, the commander decides.",
        reason="Reporters always have the worst problem. In doubt the worse severity "
        "holds until somebody who looks at it says otherwise.",
        requirements=("S3.1-32", "S3.1-33"),
    ),
    Decision(
        id="A36",
        title='Features "resolved" in 72 h, and "next sprint" without sprints',
        keys=(
            "severities.*.fulfilled_by",
            "bugs.levels.*.disposition",
            "bugs.sprint.first_day",
            "bugs.sprint.length",
        ),
        default="Accepting or declining a wish fulfils a P4; sprints last 14 days.",
        defaults={
            "severities.*.fulfilled_by": "resolved",
            "bugs.sprint.length": "336h",
        },
        reason="A wish is answered when its reporter knows what becomes of it. And a "
        "promise needs a date, so sprints have a calendar.",
        requirements=("S3.1-27", "S6.3-11", "S6.3-15"),
    ),
    Decision(
        id="A37",
        title="An outage reported by a user may wait 30 minutes",
        keys=(
            "bugs.triage.within",
            "bugs.triage.suspected_p1_within",
            "bugs.triage.spike",
            "bugs.triage.spike_within",
            "bugs.triage.keywords",
        ),
        default="30 min at most, 5 min for what looks like an outage.",
        defaults={
            "bugs.triage.within": "30m",
            "bugs.triage.suspected_p1_within": "5m",
            "bugs.triage.spike": "5",
            "bugs.triage.spike_within": "10m",
        },
        reason="Users often notice before the monitoring does. Certain words, or five "
        "like reports in ten minutes, jump the queue.",
        requirements=("S6.1-01", "S6.1-08", "S6.1-09"),
    ),
    Decision(
        id="A38",
        title="Four agents share one address",
        keys=("communication.intake", "contacts.*.email"),
        default="It is the intake of tickets; agents sign in as themselves.",
        reason="A mailbox is nobody. What is done must be known by who did it.",
        requirements=("S2.1-04",),
    ),
)
