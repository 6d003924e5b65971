"""What an HTTP status says of a message when the provider says no more.

The rules are RFC 9110's, read for messages: what a server had no time for is sent
again, what it does not want is not. A redirect is never followed, because a setting
that names an old address is mended by whoever set it, and a request that carries a
secret goes where the operator sent it and nowhere else.
"""

import re
from datetime import timedelta

from watchbill.core.notification import Attempt, Outcome
from watchbill.integrations.contract import Answer
from watchbill.integrations.text import one_line, shorten

_LONGEST_WAIT = 3_600
#: Request Timeout, and Too Early (RFC 8470): the server did nothing with it.
_AGAIN = frozenset({408, 425})


def retry_after(answer: Answer) -> timedelta | None:
    """Return how long the provider asks us to wait, at most an hour."""
    text = answer.headers.get("retry-after", "").strip()
    # The other form, a date, would need a clock; the back-off of the engine does.
    if not re.fullmatch(r"[0-9]{1,9}", text):
        return None
    return timedelta(seconds=min(int(text), _LONGEST_WAIT))


def read_status(answer: Answer, *, who: str, said: str = "") -> Attempt:
    """Return what an answer means by its status, for all but a clear success.

    ``who`` begins the sentence; ``said`` is the provider's reason, from its answer.
    """
    status = answer.status
    reason = f": {shorten(one_line(said), 200)}" if said.strip() else ""
    detail = f"{who} answered HTTP {status}{reason}"
    if status == 429:
        return Attempt(
            outcome=Outcome.THROTTLED,
            detail=f"{who} limits the rate of messages{reason}",
            retry_after=retry_after(answer),
        )
    if status in _AGAIN or status >= 500:
        return Attempt(
            outcome=Outcome.TRANSIENT, detail=detail, retry_after=retry_after(answer)
        )
    if status >= 400:
        return Attempt(outcome=Outcome.PERMANENT, detail=detail)
    if status >= 300:
        return Attempt(
            outcome=Outcome.PERMANENT,
            detail=f"{detail}: redirects are not followed, set the final address",
        )
    return Attempt(
        outcome=Outcome.UNKNOWN, detail=f"{detail} without a readable answer"
    )


def beginning(answer: Answer, length: int = 300) -> str:
    """Return the first characters of the body, whatever it is."""
    return answer.body[: 4 * length].decode("utf-8", "replace")[:length]
