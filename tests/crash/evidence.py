"""What is found after a crash, and the questions it must answer.

Four sets are compared: what senders were told is accepted, what the database holds,
what the outbox says, and what the mail server received.
"""

import hashlib
import re
from collections import Counter
from dataclasses import dataclass

from tests.doubles.smtp_server import SmtpDouble
from tests.e2e.product import Product, eventually

#: Longer than a lease of 30 s, for what a killed process had in its hands.
SETTLE_SECONDS = 90

_INCIDENTS = """
SELECT a.labels->>'service', array_agg(DISTINCT a.incident_id)
FROM watchbill_alert a GROUP BY 1
"""
_OPEN = """
SELECT (SELECT count(*) FROM watchbill_inboxentry
        WHERE folded_at IS NULL AND quarantined_at IS NULL)
     + (SELECT count(*) FROM watchbill_notification
        WHERE state IN ('waiting', 'sending'))
     + (SELECT count(*) FROM watchbill_duestep
        WHERE state = 'pending' AND wake_at < clock_timestamp())
"""
#: A page that was one too many for its recipient is said by a digest.
_FIRST_PAGES = """
SELECT DISTINCT a.labels->>'service', said.idempotency_key, said.state,
       said.may_be_duplicate
FROM watchbill_notification n JOIN watchbill_alert a USING (incident_id)
JOIN watchbill_notification said ON said.id = coalesce(n.bundled_into_id, n.id)
WHERE n.channel = 'email' AND n.verb = 'page'
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page, or the digest that said it, and how often it came to the mail server."""

    service: str
    message_id: str
    state: str
    may_be_duplicate: bool
    received: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is left once everything is settled."""

    #: The incidents of each service.
    incidents: dict[str, list[int]]
    pages: list[Page]

    def lost(self) -> list[Page]:
        return [
            one for one in self.pages if one.state != "delivered" or not one.received
        ]

    def doubled_silently(self) -> list[Page]:
        return [
            one for one in self.pages if one.received > 1 and not one.may_be_duplicate
        ]


def gather(product: Product, smtp: SmtpDouble) -> Evidence:
    """Wait until nothing is open any more, and return what there is."""
    with product.database() as connection:

        def is_settled() -> bool:
            found = connection.execute(_OPEN).fetchone()
            return found is not None and found[0] == 0

        eventually(is_settled, "everything is settled", seconds=SETTLE_SECONDS)
        incidents = dict(connection.execute(_INCIDENTS).fetchall())
        pages = connection.execute(_FIRST_PAGES).fetchall()
    received = Counter(
        str(mail.message["Message-ID"]) for mail in smtp.messages if mail.accepted
    )
    return Evidence(
        incidents=incidents,
        pages=[
            Page(
                service=service,
                message_id=(found := message_id(key)),
                state=state,
                may_be_duplicate=doubtful,
                received=received[found],
            )
            for service, key, state, doubtful in pages
        ],
    )


def message_id(idempotency_key: str) -> str:
    """Return the Message-ID that every attempt of a notification must carry."""
    digest = hashlib.sha256(idempotency_key.encode()).hexdigest()[:32]
    return f"<notice.{digest}@127.0.0.1>"


def services_of(smtp: SmtpDouble) -> set[str]:
    """Return the services named in the subjects of the mails received."""
    found = set()
    for mail in list(smtp.messages):
        if named := re.search(r"PlatformDown (\S+)", str(mail.message["Subject"])):
            found.add(named[1])
    return found
