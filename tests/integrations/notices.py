"""The notice that the tests of all channels send."""

from watchbill.core.messages import Link, Notice

BURMESE = "အကောင့်ဝင်ရောက်မှု မအောင်မြင်ပါ"

PAGE = Notice(
    idempotency_key="step-7/ana/mail",
    thread_key="incident-12",
    subject="[P1] Page: 5xx rate of the API is 7.3 % (#12)",
    paragraphs=(
        "You are asked to take this incident: acknowledge it and start work.",
        "Sent because of: page the primary at once.",
    ),
    facts=(("Severity", "P1 Critical"), ("Status", "triggered")),
    links=(
        Link(label="Open the incident", url="https://watch.example/incidents/12"),
        Link(label="Acknowledge", url="https://watch.example/a/k3", is_primary=True),
    ),
    severity="P1",
)
