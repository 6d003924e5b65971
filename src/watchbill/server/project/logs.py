"""Keeping secrets out of the log.

The address of a request is logged when it is refused, and some addresses are secrets:
one-time links, links in messages, intake addresses with the key at their end.
"""

import logging
import re

_TOKEN = re.compile(r"\b(wb[a-z]_|(?:n|confirm)/[0-9]+\.)[A-Za-z0-9_-]{20,}")


class WithoutTokens(logging.Filter):
    """Leaves of a token only what says which kind it is."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the message of a record; none is held back."""
        record.msg = _TOKEN.sub(r"\1…", record.getMessage())
        record.args = None
        return True
