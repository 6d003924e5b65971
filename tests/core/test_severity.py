"""The scale of a plan."""

import pytest

from watchbill.core.severity import Severity, worst

P1 = Severity(key="P1", rank=1, title="Critical")
P2 = Severity(key="P2", rank=2, title="High")
P4 = Severity(key="P4", rank=4, title="Low")


@pytest.mark.req("S3.1-33")
def test_when_criteria_disagree_the_worse_severity_applies() -> None:
    assert worst([P4, P1, P2]) is P1
    assert worst(iter([P4])) is P4
