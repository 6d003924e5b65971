"""What a plan may call things, the database must be able to keep."""

import pytest

from tests.engine.watch import Watch, minutes
from watchbill.plan import bundled_text, load
from watchbill.server.incidents.models import Responder, StepFiring
from watchbill.server.plans import actions as plans


@pytest.mark.req("S2.1-09", "S3.2-05")
def test_titles_of_any_length_stop_no_ladder(watch: Watch) -> None:
    title = "Payment Specialist " * 30
    text = (
        bundled_text("trm")
        .replace("title: Payment Specialist,", f"title: {title.strip()},")
        .replace(
            "title: Escalate to the Technical Lead and L3,",
            f"title: Escalate {title.strip()},",
        )
    )
    loaded = load(text, name="long.yaml")
    assert loaded.plan is not None
    plans.put_in_force(loaded, now=watch.start)
    incident = watch.declare("P1", "payment")

    watch.at(minutes(31))

    labels = Responder.objects.filter(incident=incident).values_list("label", flat=True)
    assert title.strip() in labels
    assert StepFiring.objects.filter(title__startswith="Escalate Payment").exists()
    assert "eng-mgr" in {who for _, who in watch.story()}
