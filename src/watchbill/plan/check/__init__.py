"""Checks: what the parts of a plan must mean to each other.

A plan that passes can be run: every name leads somewhere, no step waits for a
person who cannot be reached, and no ladder goes back in time. What is merely
wanting, such as a night shift of one person, is said and not refused (A21): the
document has the gap, and the software shows it.
"""

from watchbill.plan.check.case import Case
from watchbill.plan.check.ladders import check_ladders
from watchbill.plan.check.names import check_names
from watchbill.plan.check.people import check_people
from watchbill.plan.findings import Code, Finding
from watchbill.plan.model import Plan
from watchbill.plan.schema import PlanFile
from watchbill.plan.source import Document


def check(plan: Plan, file: PlanFile, document: Document) -> tuple[Finding, ...]:
    """Return everything that is wrong or wanting in a plan that could be built."""
    case = Case(plan=plan, file=file, document=document)
    found = [*check_names(case)]
    # Names that lead in a circle have no holders to ask anything of.
    if all(one.code is not Code.ROLE_CYCLE for one in found):
        found += [*check_ladders(case), *check_people(case)]
    return tuple(found)
