"""Checks: what the parts of a plan must mean to each other.

A plan that passes can be run: every name leads somewhere, no step waits for a
person who cannot be reached, and no ladder goes back in time. What is merely
wanting, such as a night shift of one person, is said and not refused (A21): the
document has the gap, and the software shows it.
"""

from datetime import date

from watchbill.plan.check.alerting import check_alerting
from watchbill.plan.check.case import Case
from watchbill.plan.check.changes import check_changes
from watchbill.plan.check.communication import check_communication
from watchbill.plan.check.governance import check_governance
from watchbill.plan.check.ladders import check_ladders
from watchbill.plan.check.maintenance import check_maintenance
from watchbill.plan.check.monitoring import check_monitoring
from watchbill.plan.check.names import check_names
from watchbill.plan.check.oncall import check_on_call
from watchbill.plan.check.people import check_people
from watchbill.plan.check.process import check_process
from watchbill.plan.findings import Code, Finding
from watchbill.plan.model import Plan
from watchbill.plan.schema import PlanFile
from watchbill.plan.source import Document


def check(
    plan: Plan, file: PlanFile, document: Document, *, as_of: date | None = None
) -> tuple[Finding, ...]:
    """Return everything that is wrong or wanting in a plan that could be built.

    What is overdue is asked for the day ``as_of``, and not without one.
    """
    case = Case(plan=plan, file=file, document=document, as_of=as_of)
    found = [*check_names(case), *check_alerting(case)]
    # Names that lead in a circle have no holders to ask anything of.
    if all(one.code is not Code.ROLE_CYCLE for one in found):
        found += check_on_call(case)
        found += [*check_ladders(case), *check_people(case)]
        found += [*check_monitoring(case), *check_maintenance(case)]
        found += check_changes(case)
        found += [*check_process(case), *check_communication(case)]
        found += check_governance(case)
    return tuple(found)
