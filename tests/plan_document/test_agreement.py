"""The plan that comes with watchbill and the import of the seed say the same facts.

Where they differ, a decision says why; the differences are listed here in full.
"""

import pytest

from tests.plan.samples import TRM
from tests.plan_document.samples import SEED, imported, plan_file
from watchbill.core.ladder import Verb
from watchbill.plan.schema import PlanFile

BUNDLED = plan_file(TRM)
READ = imported(SEED)


@pytest.mark.req("S0-01", "S0-02", "S0-03", "S0-04")
def test_they_agree_on_the_head() -> None:
    for name in ("title", "product", "version", "effective", "review", "owner"):
        assert getattr(BUNDLED.plan, name) == getattr(READ.plan, name)
    assert BUNDLED.plan.signers == READ.plan.signers


@pytest.mark.req("S2.1-02", "S2.1-06", "S2.1-09", "S2.1-11")
def test_they_agree_on_contacts_levels_and_shifts() -> None:
    def facts(file: PlanFile) -> list[tuple[object, ...]]:
        return [
            (one.id, one.level, one.title, one.email, one.shift)
            for one in file.contacts
            if one.id != "operations_manager"
        ]

    assert facts(BUNDLED) == facts(READ)
    assert BUNDLED.levels == READ.levels
    assert BUNDLED.shifts == READ.shifts
    assert BUNDLED.aliases == READ.aliases


@pytest.mark.req("S3.1-01", "S3.1-10")
def test_they_agree_on_the_severities() -> None:
    for key, one in BUNDLED.severities.items():
        read = READ.severities[key]
        assert (one.title, one.criteria) == (read.title, read.criteria)
        assert (one.response, one.resolution) == (read.response, read.resolution)
        assert (one.urgency, one.actions) == (read.urgency, read.actions)
        assert one.ticket == read.ticket


@pytest.mark.req("S3.2-05", "S3.2-12", "A2", "A32")
def test_they_agree_on_the_steps_but_for_the_post_that_a32_adds() -> None:
    for key, steps in BUNDLED.escalation.items():
        ours = [(one.after, one.do, one.from_, one.who) for one in steps]
        read = [(one.after, one.do, one.from_, one.who) for one in READ.escalation[key]]
        added = [one for one in ours if one not in read]
        assert [one for one in read if one not in ours] == []
        assert [one[1] for one in added] == ([Verb.POST] if key == "P2" else [])


@pytest.mark.req("S4.1-01", "S4.2-01", "A13")
def test_they_agree_on_monitoring() -> None:
    def tools(file: PlanFile) -> list[tuple[object, ...]]:
        found = file.monitoring.tools.values()
        return [(one.title, one.tool, one.purpose, one.dashboard) for one in found]

    def metrics(file: PlanFile) -> list[tuple[object, ...]]:
        found = file.monitoring.metrics.values()
        return [
            (one.title, one.group, one.warning, one.critical, one.channel)
            for one in found
        ]

    assert tools(BUNDLED) == tools(READ)
    assert metrics(BUNDLED) == metrics(READ)


@pytest.mark.req("S4.3-01", "S4.3-10")
def test_they_agree_on_the_routes_but_for_the_business_route_that_is_added() -> None:
    def routes(file: PlanFile) -> dict[str, tuple[str, str, str, str]]:
        return {
            key: (one.title, one.primary, one.secondary, one.escalation)
            for key, one in file.alerts.routes.items()
        }

    ours = routes(BUNDLED)
    assert ours.pop("business")[0] == "Business Metrics"
    assert ours == routes(READ)
    assert BUNDLED.on_call == READ.on_call


@pytest.mark.req("S5.1-01", "S5.2-01", "S5.3-01", "A24")
def test_they_agree_on_maintenance_and_changes() -> None:
    def windows(file: PlanFile) -> list[tuple[object, ...]]:
        return [
            (one.title, one.repeats, one.first, one.from_, one.to, one.duration)
            for one in file.maintenance.windows.values()
        ]

    def changes(file: PlanFile) -> list[tuple[object, ...]]:
        return [
            (one.title, one.approvals, one.testing, one.window)
            for one in file.changes.types.values()
        ]

    assert windows(BUNDLED) == windows(READ)
    assert changes(BUNDLED) == changes(READ)
    for name in ("before", "after"):
        ours = [one.step for one in getattr(BUNDLED.maintenance, name)]
        assert ours == [one.step for one in getattr(READ.maintenance, name)]


@pytest.mark.req("S6.1-01", "S6.2-01", "S6.3-01")
def test_they_agree_on_bugs_and_hotfixes() -> None:
    assert BUNDLED.bugs is not None
    assert READ.bugs is not None
    assert BUNDLED.bugs.levels == READ.bugs.levels
    assert BUNDLED.bugs.sprint == READ.bugs.sprint
    assert BUNDLED.hotfix == READ.hotfix


@pytest.mark.req("S7.1-01", "S7.2-01", "S7.3-01")
def test_they_agree_on_communication() -> None:
    assert BUNDLED.communication.external.values() is not None
    ours = [(o.title, o.purpose) for o in BUNDLED.communication.external.values()]
    read = [(o.title, o.purpose) for o in READ.communication.external.values()]
    assert ours == read
    assert BUNDLED.status_page is not None
    assert READ.status_page is not None
    for key, one in BUNDLED.status_page.levels.items():
        level = READ.status_page.levels[key]
        assert (one.state, one.update_every, one.update, one.publish) == (
            level.state,
            level.update_every,
            level.update,
            level.publish,
        )
    # "#business" and the pager are named by the metrics alone.
    for key, entry in BUNDLED.channels.items():
        found = READ.channels[key]
        assert entry.kind == found.kind
        if key not in {"#business", "pagerduty"}:
            assert (entry.purpose, entry.audience) == (found.purpose, found.audience)


@pytest.mark.req("S8.1-01", "S8.2-01", "S9.1-01", "S9.2-01", "SA-01", "SB-01")
def test_they_agree_on_the_rest() -> None:
    def books(file: PlanFile) -> list[tuple[object, ...]]:
        return [(o.title, o.location, o.updated) for o in file.runbooks.values()]

    def reviews(file: PlanFile) -> list[tuple[object, ...]]:
        return [
            (o.title, o.frequency, o.participants, o.output)
            for o in file.reviews.values()
        ]

    assert books(BUNDLED) == books(READ)
    assert reviews(BUNDLED) == reviews(READ)
    assert BUNDLED.improvement == READ.improvement
    for name in ("emergency_procedures", "vendors"):
        ours = [one.title for one in getattr(BUNDLED, name).values()]
        assert ours == [one.title for one in getattr(READ, name).values()]
    assert [one.url for one in BUNDLED.knowledge_base.values()] == [
        one.url for one in READ.knowledge_base.values()
    ]
    assert BUNDLED.compliance.retention == READ.compliance.retention
