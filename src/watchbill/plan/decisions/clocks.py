"""A1 to A19: ladders, clocks, thresholds, and what the public sees of them."""

from watchbill.plan.decisions.decision import Decision

CLOCKS = (
    Decision(
        id="A1",
        title="Three ladders for a P1 name different people after 15 minutes",
        keys=("escalation.*.*.who",),
        default="At 15 min the Technical Lead and the L3 expert of the category.",
        reason="The matrix is the master table and the contact tree is drawn from it. "
        "One leads and the other repairs, so both are asked at once.",
        requirements=("S2.2-02", "S3.1-04", "S3.2-05"),
    ),
    Decision(
        id="A2",
        title="Does acknowledging stop the ladder, or resolving?",
        keys=(
            "escalation.*.*.until",
            "incidents.ack_timeout",
            "incidents.ack_timeout_for",
            "incidents.repeat_after",
        ),
        default="Paging stops at the acknowledgement, escalating when service is "
        "restored, notifying at the resolution; 30 min of silence page again.",
        defaults={
            "incidents.ack_timeout": "30m",
            "incidents.repeat_after": "30m",
        },
        reason="Two things run side by side: looking for somebody who takes the "
        "incident, and the time lost. A manager wants to know how long it lasts, "
        "whoever has pressed a button.",
        requirements=("S3.1-04", "S3.2-20", "S2.2-08"),
    ),
    Decision(
        id="A3",
        title="From when is time counted, and what does a new severity do to it?",
        keys=("escalation.*.*.from", "incidents.on_upgrade"),
        default="From the declaration of the current severity; an upgrade restarts.",
        defaults={
            "escalation.*.*.from": "declared",
            "incidents.on_upgrade": "restart",
        },
        reason="A P1 that was a P2 for hours would otherwise be overdue the moment "
        "somebody sees how bad it is. Steps that are done are not done again.",
        requirements=("S3.1-32", "S3.1-03"),
    ),
    Decision(
        id="A4",
        title='"Response: immediate" is no number',
        keys=(
            "severities.*.response",
            "incidents.first_page_within",
            "incidents.first_update_within",
        ),
        default="A page leaves in 30 s, is answered in 5 min, explained in 10 min.",
        defaults={
            "incidents.first_page_within": "30s",
            "incidents.first_update_within": "10m",
        },
        reason="What cannot be measured cannot be missed. Five minutes is the usual "
        "time after which the next person is rung.",
        requirements=("S3.1-02",),
    ),
    Decision(
        id="A5",
        title="Three tables give one severity different times",
        keys=(
            "severities.*.resolution",
            "bugs.levels.*.act_within",
            "bugs.levels.*.response",
            "bugs.levels.*.fix",
        ),
        default="The incident has the times of 3.1, its bug those of 6.3.",
        reason="Restoring service and removing the cause are two jobs with a clock "
        "each. Read so, all three tables are true at once.",
        requirements=("S3.1-03", "S6.1-03", "S6.3-02", "S6.3-14"),
    ),
    Decision(
        id="A6",
        title="The security route and the matrix reach the CTO at different times",
        keys=("alerts.routes",),
        default="The earliest wins: the CTO as secondary, the CEO by the matrix.",
        reason="Route and matrix run side by side, and nobody is told later because "
        "a second table names him too.",
        requirements=("S4.3-05", "S3.2-07", "S3.2-09"),
    ),
    Decision(
        id="A7",
        title="The phases of a hotfix add up to more than its target",
        keys=("hotfix.target", "hotfix.phases.*.bound"),
        default="Three phases on the clock, two that last, one watch; 4 h bind.",
        reason="Development must then end by 2 h 30 if the rest takes its longest, "
        "and by 3 h 15 if its shortest; people are warned at both.",
        requirements=("S6.2-03", "S6.2-04", "S6.2-05", "S6.2-07", "S6.3-02"),
    ),
    Decision(
        id="A8",
        title='"Testing: minimal" beside a list of five tests',
        keys=("changes.test_levels",),
        default="Levels of testing are sets of gates; minimal has three of them.",
        reason="A gate is passed or it is not. The hotfix list and the change table "
        "then ask for the same things.",
        requirements=("S5.3-01", "S5.3-09"),
    ),
    Decision(
        id="A9",
        title='"Product + Tech": one of them, or both?',
        keys=(
            "changes.approval.distinct_people",
            "changes.approval.requester_may_approve",
            "changes.types.*.approvals",
        ),
        default="Both, as two people, and not whoever asks.",
        defaults={
            "changes.approval.distinct_people": "true",
            "changes.approval.requester_may_approve": "false",
        },
        reason="Four eyes are the point of an approval; one person in two roles has "
        "only two.",
        requirements=("S5.3-03", "S5.3-05", "S5.3-06"),
    ),
    Decision(
        id="A10",
        title="Tables use roles that the contact list does not have",
        keys=("aliases",),
        default="An alias leads each of them to a contact.",
        reason="Rules keep the words of the plan, and an unmapped role is refused "
        "instead of reaching nobody at night.",
        requirements=("S4.3-08",),
    ),
    Decision(
        id="A11",
        title="The alert routing table has no times",
        keys=("alerts.contacting",),
        default="P1: 5 and 15 min; P2: 15 and 30 min; P3 and P4 page nobody.",
        reason="The secondary is rung when the primary had time to wake up, and the "
        "escalation contact when the matrix would act anyway.",
        requirements=("S4.3-06",),
    ),
    Decision(
        id="A12",
        title="A full disk goes to Slack only, and wakes nobody",
        keys=("monitoring.metrics.*.creates", "monitoring.follow_channel_only"),
        default="A warning creates a P3, a critical value a P2 or P1.",
        defaults={"monitoring.follow_channel_only": "false"},
        reason="Where a message is posted and what it sets off are two questions. The "
        "table answers the first to the letter, severity answers the second.",
        requirements=("S4.2-02", "S4.2-06", "S4.2-09", "S4.2-14"),
    ),
    Decision(
        id="A13",
        title='"< 5% drop" would alert while all is well',
        keys=(
            "monitoring.metrics.*.warning",
            "monitoring.metrics.*.critical",
            "monitoring.metrics.*.baseline",
            "monitoring.metrics.*.guard",
        ),
        default="A drop of more than that, against the last weeks, if significant.",
        reason="Read literally the row contradicts its own order. A small number of "
        "events wavers by more than 5 % by chance alone, so significance is asked for.",
        requirements=("S4.2-17", "S4.2-18", "S4.2-19", "S4.2-20"),
    ),
    Decision(
        id="A14",
        title="Of what is a login or payment success rate the rate?",
        keys=("monitoring.metrics.*.counts", "monitoring.metrics.*.ignores"),
        default="Only failures caused by the system count.",
        reason="Mistyped passwords and empty wallets alone would keep both below "
        "their limits.",
        requirements=("S4.2-13", "S4.2-15"),
    ),
    Decision(
        id="A15",
        title="A security breach is a P1, and a P1 is announced",
        keys=("alerts.routes.*.confidential",),
        default="Security incidents are confidential; nothing of them is posted.",
        defaults={"alerts.routes.*.confidential": "false"},
        reason="An announcement warns the intruder and worries customers before "
        "anything is known. Two people decide what is said.",
        requirements=("S7.2-08", "S3.1-01"),
    ),
    Decision(
        id="A16",
        title="Severity is not what the public sees",
        keys=(
            "status_page.levels.*.state",
            "status_page.levels.*.publish",
            "status_page.levels.*.publish_after",
        ),
        default="Severity suggests a state; it is published when users feel it.",
        defaults={
            "status_page.levels.*.publish": "when_user_impacting",
            "status_page.levels.*.publish_after": "5m",
        },
        reason="A single user's trouble must not turn the page yellow. The row of P4 "
        "is about planned maintenance.",
        requirements=("S7.3-01", "S7.3-07", "S3.1-08", "S3.1-16"),
    ),
    Decision(
        id="A17",
        title="Three cadences of news for one severity",
        keys=(
            "status_page.levels.*.update_every",
            "status_page.levels.*.clock",
            "bugs.levels.*.communicate",
        ),
        default="The page while the incident is open, the bug's reporters after it.",
        defaults={"status_page.levels.*.clock": "24x7"},
        reason="They are for different people at different times. Each is counted "
        "from the last news that was really published.",
        requirements=("S7.3-02", "S7.3-04", "S7.3-06", "S6.3-03", "S6.3-13"),
    ),
    Decision(
        id="A18",
        title="The post-mortem of a P2 is due after 24 or 48 hours",
        keys=("escalation.*.*.after", "severities.*.postmortem_review"),
        default="Counted from the resolution: P1 24 h; P2 draft 24 h, final 48 h.",
        reason="Nobody writes while it burns. The more specific place gives the due "
        "time, the matrix the reminder before it.",
        requirements=("S3.1-09", "S3.1-17", "S3.2-13", "S3.2-14"),
    ),
    Decision(
        id="A19",
        title="Do clocks run at night, and may they pause?",
        keys=("severities.*.clock", "severities.*.pause"),
        default="They run always; nothing pauses them unless the plan says so.",
        defaults={"severities.*.clock": "24x7", "severities.*.pause": "none"},
        reason="24 hours are 24 hours to the letter. Waiting for somebody outside may "
        "stop the resolution clock of a small matter, never the first answer.",
        requirements=("S3.1-20", "S3.1-27"),
    ),
)
