"""Parting: much work in one transaction, and the culprit alone when it fails (I10).

All is tried together, for speed. When that fails, each half is tried by itself, and so
on, so that in the end only what fails by itself is left out and named. A conflict with
what another engine has just written is no fault: the same work is tried once more.
"""

import logging
from collections.abc import Callable, Sequence
from typing import TypeVar

from django.db import IntegrityError, transaction

from watchbill.server import faults
from watchbill.server.engine.kinds import check_now

_T = TypeVar("_T")

logger = logging.getLogger(__name__)


def do_parts(units: Sequence[_T], do: Callable[[Sequence[_T]], int]) -> int:
    """Do the work for all units but the culprits; return the sum of what it returns.

    ``do`` reads all that it decides by, because it may be called more than once.
    """
    if not units:
        return 0
    try:
        try:
            return _try(units, do)
        except IntegrityError:
            return _try(units, do)
    except Exception as error:  # whatever it is, it must stall no other unit
        if faults.is_lost(error):
            raise
        if len(units) == 1:
            logger.error("%s cannot be decided", units[0], exc_info=error)
            return 0
        logger.warning("%d units are decided in halves: %s", len(units), error)
        middle = len(units) // 2
        return do_parts(units[:middle], do) + do_parts(units[middle:], do)


def _try(units: Sequence[_T], do: Callable[[Sequence[_T]], int]) -> int:
    with transaction.atomic():
        done = do(units)
        check_now()
    return done
