"""Storing a plan and putting it in force."""

import hashlib
from datetime import datetime

from django.db import transaction

from watchbill.plan import Loaded
from watchbill.server.plans.models import PlanVersion


@transaction.atomic
def put_in_force(loaded: Loaded, *, now: datetime) -> PlanVersion:
    """Store a checked plan as a version, unless it is one, and put it in force.

    Incidents that run keep the version they began under (S0-07).
    """
    plan, source = loaded.plan, loaded.source
    if plan is None:
        message = "a plan with errors cannot be put in force"
        raise ValueError(message)
    text = source.decode("utf-8") if isinstance(source, bytes) else source
    version, _ = PlanVersion.objects.get_or_create(
        digest=hashlib.sha256(text.encode()).hexdigest(),
        defaults={
            "label": plan.meta.version,
            "title": plan.meta.title,
            "source_name": loaded.name,
            "text": text,
            "loaded_at": now,
        },
    )
    latest = PlanVersion.objects.exclude(activated_at=None).order_by("-activated_at")
    if latest.values_list("pk", flat=True).first() != version.pk:
        PlanVersion.objects.filter(pk=version.pk).update(activated_at=now)
    return version
