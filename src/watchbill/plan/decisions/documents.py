"""A39 to A62: measures, documents, compliance, languages, and where lines are drawn."""

from watchbill.plan.decisions.decision import Decision

DOCUMENTS = (
    Decision(
        id="A39",
        title="MTTR: from when, of which incidents?",
        keys=("measures.mttr.from", "measures.mttr.warn_below_n"),
        default="From the start of impact to the resolution; n is always shown.",
        defaults={
            "measures.mttr.from": "impact_started",
            "measures.mttr.warn_below_n": "20",
        },
        reason="Users suffer from the start of impact on, whoever noticed when. A mean "
        "of few and skewed values says little, so median and n stand beside it.",
        requirements=("S9.2-01",),
    ),
    Decision(
        id="A40",
        title="Customer satisfaction without a scale or a target",
        keys=("measures.csat.scale", "measures.csat.good_from", "measures.csat.target"),
        default="1 to 5 by one click; the share of 4 and 5; target 80 %.",
        defaults={
            "measures.csat.scale": "5",
            "measures.csat.good_from": "4",
            "measures.csat.target": "80%",
        },
        reason="It is the common way and can be compared. Response rate and n are "
        "shown, since the annoyed answer more readily.",
        requirements=("S9.2-02",),
    ),
    Decision(
        id="A41",
        title="No uptime is promised",
        keys=("measures.slo",),
        default="None, unless the plan names one for a component.",
        reason="A figure that nobody has promised would be taken for a promise.",
        requirements=("S9.2-01",),
    ),
    Decision(
        id="A42",
        title="The plan is reviewed quarterly, runbooks monthly",
        keys=("plan.review", "plan.reviewed", "runbooks.*.review_every"),
        default="Both run, each by its own clock.",
        defaults={"runbooks.*.review_every": "1 month"},
        reason="Runbooks age faster than rules. What was missed is shown until it is "
        "made good.",
        requirements=("S0-03", "S8.1-10", "S9.2-03"),
    ),
    Decision(
        id="A43",
        title="An empty approval table, and a signer nobody knows",
        keys=("plan.signers", "plan.signatures", "plan.approval.state_when_unsigned"),
        default="An unsigned plan runs and is marked; the role is added.",
        defaults={"plan.approval.state_when_unsigned": "run_with_mark"},
        reason="Refusing to run until three people have signed would leave the pager "
        "silent; hiding that they have not would make signing pointless.",
        requirements=("SD-01", "SD-02", "SD-03", "SD-04"),
    ),
    Decision(
        id="A44",
        title="A P2 never reaches the CEO, and the CTO later than a P1",
        keys=("escalation",),
        default="As written.",
        reason="It looks like a slip and is consistent: a P2 that grows worse becomes "
        "a P1 and climbs that ladder.",
        requirements=("S3.2-10", "S3.2-11", "S3.2-16"),
    ),
    Decision(
        id="A45",
        title="Data retention without times",
        keys=(
            "compliance.retention.audit_log",
            "compliance.retention.tickets",
            "compliance.retention.raw_alerts",
            "compliance.retention.messages",
            "compliance.retention.attachments",
            "compliance.retention.csat",
        ),
        default="Three years for records, about one for contents.",
        defaults={
            "compliance.retention.audit_log": "36 months",
            "compliance.retention.tickets": "36 months",
            "compliance.retention.raw_alerts": "13 months",
            "compliance.retention.messages": "12 months",
            "compliance.retention.attachments": "12 months",
            "compliance.retention.csat": "24 months",
        },
        reason="Auditors of card data ask for twelve months, and thirteen let a year "
        "be compared. Counsel confirms what applies.",
        requirements=("SC-01",),
    ),
    Decision(
        id="A46",
        title="Regulatory requirements are only mentioned",
        keys=("compliance.obligations.*.confirmed_by",),
        default="A register of likely obligations, none of them confirmed.",
        defaults={"compliance.obligations.*.confirmed_by": "none"},
        reason="watchbill gives no legal advice; it keeps the question open until "
        "somebody puts a name to the answer.",
        requirements=("SC-03",),
    ),
    Decision(
        id="A47",
        title="Kinds of vendors and no vendor",
        keys=("vendors.*.category", "vendors.*.name"),
        default="A typed record each; the empty ones are reported.",
        defaults={"vendors.*.name": "none"},
        reason="The hour in which a number is needed is the wrong one to look for it.",
        requirements=("SB-01", "SB-02", "SB-03", "SB-04"),
    ),
    Decision(
        id="A48",
        title="Reopening, merging and splitting are not mentioned",
        keys=("incidents.reopen_within",),
        default="Up to 72 h the record is reopened, later a new one is linked.",
        defaults={"incidents.reopen_within": "72h"},
        reason="What comes back within days is the same trouble, and its clock was "
        "stopped too early.",
        requirements=("S6.2-08", "S9.2-01"),
    ),
    Decision(
        id="A49",
        title='What is a "major" incident?',
        keys=("incidents.major.severities", "incidents.major.lasting"),
        default="A P1, a P2 of more than 4 h, or one that is flagged.",
        defaults={"incidents.major.severities": "none"},
        reason="A P2 beyond its target was as bad for users as a short P1.",
        requirements=("S7.2-05",),
    ),
    Decision(
        id="A50",
        title="In which language is the public told?",
        keys=("plan.languages", "language.missing_translation"),
        default="In all of the plan's; a missing text warns and never blocks.",
        defaults={"language.missing_translation": "warn"},
        reason="The users are in Myanmar. News in one language is better than none.",
        requirements=("S7.2-06",),
    ),
    Decision(
        id="A51",
        title="What if the tools themselves fail?",
        keys=("communication.fallback", "monitoring.silence_after"),
        default="The next channel, and an alarm when the alarms fall silent.",
        defaults={
            "communication.fallback": "slack, email, sms",
            "monitoring.silence_after": "5m",
        },
        reason="A support system fails at the same moment as what it watches more "
        "often than chance would have it.",
        requirements=("S7.1-08", "S4.1-12", "S2.2-06"),
    ),
    Decision(
        id="A52",
        title='"Verify no alerts triggered" while they are suppressed',
        keys=("maintenance.after",),
        default="Suppressing mutes the page, not the record.",
        reason="The checklist can then list what fired during the work, which is what "
        "the step asks for.",
        requirements=("S5.2-10", "S5.1-11"),
    ),
    Decision(
        id="A53",
        title="Where is a change of an alert told?",
        keys=("communication.threads",),
        default="One thread for each alert.",
        defaults={"communication.threads": "one_per_alert"},
        reason="Raised, worse and recovered belong together, or a channel fills with "
        "halves of stories.",
        requirements=("S4.2-23", "S7.1-10"),
    ),
    Decision(
        id="A54",
        title="Regular meetings without a day or an hour",
        keys=("reviews.*.at", "channels.*.meets.at"),
        default="Monday 09:00 and 10:00, first Tuesday, first week of the quarter.",
        defaults={"reviews.*.at": "none"},
        reason="Figures come an hour before the people who talk about them. Dates "
        "are moved off holidays, not cancelled.",
        requirements=("S7.1-05", "S9.1-02", "S9.1-03", "S9.1-04"),
    ),
    Decision(
        id="A55",
        title='Who is "Engineering", who is "Management"?',
        keys=("groups", "channels.*.audience"),
        default="Support is L1, Engineering L2 and L3, Management L4.",
        reason="The levels are the only lists of people that the plan has, and they "
        "fit the words.",
        requirements=("S7.1-01", "S7.1-03", "S7.1-06"),
    ),
    Decision(
        id="A56",
        title="Notices in the app need the app",
        keys=("status_page.feed",),
        default="A public feed that the app reads.",
        defaults={"status_page.feed": "true"},
        reason="The platform fetches what concerns its users and needs no part of "
        "watchbill inside.",
        requirements=("S7.2-04", "S5.2-06"),
    ),
    Decision(
        id="A57",
        title="Daylight saving time",
        keys=("plan.time_zone",),
        fixed_in=("watchbill.core.temporal",),
        default="Instants in UTC, and the name of the zone beside them.",
        reason="Myanmar has none, but people and tools elsewhere do, and a bare offset "
        "is wrong half of their year.",
        requirements=("S5.1-07",),
    ),
    Decision(
        id="A58",
        title="Sources whose clocks are ahead",
        fixed_in=("watchbill.core.alerts",),
        default="A start in the future counts from the receipt; both are kept.",
        reason="A ladder that begins in the future would page nobody until then.",
        requirements=("S4.1-08",),
    ),
    Decision(
        id="A59",
        title="Holidays, and pay for being on call",
        keys=("business_hours.closed",),
        fixed_in=("watchbill.core.oncall",),
        default="Holidays close the office, not the watch; hours are reported.",
        defaults={"business_hours.closed": "none"},
        reason="What a shift is worth is between people and their employer; watchbill "
        "says exactly who held it.",
        requirements=("S4.4-13",),
    ),
    Decision(
        id="A60",
        title="Payment failure or payment delay?",
        keys=("alerts.severity.rules", "monitoring.metrics.*.creates"),
        default="Below 95 % it has failed and is a P1, above that it is delayed.",
        reason="The critical threshold of the plan's own table is the only line it "
        "draws between the two.",
        requirements=("S3.1-01", "S3.1-10", "S4.2-14"),
    ),
    Decision(
        id="A61",
        title="Data loss of one user fits P1 and P3",
        keys=("severities.*.criteria",),
        fixed_in=("watchbill.core.severity",),
        default="The worse severity holds; the commander may lower it.",
        reason="Whether it is really only one user is known later. Lowering takes a "
        "reason, which is then on record.",
        requirements=("S3.1-33", "S3.1-01", "S3.1-18"),
    ),
    Decision(
        id="A62",
        title="Error rate, application errors and a platform that is down",
        keys=("alerts.severity.rules", "alerts.severity.default"),
        default="More than 1 % is a P2; half of all, or a failed probe, a P1.",
        reason="The same errors are a nuisance or an outage by their share, and only "
        "the probe sees what users see.",
        requirements=("S3.1-01", "S4.2-10", "S4.3-02"),
    ),
)
