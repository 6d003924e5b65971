"""Revising: people gave an alert other words or another severity in its tool.

What they said stays until the source itself says something new: a source repeats an
alert as it was made, and knows nothing of what people made of it. So what the source
had said is kept with the alert, among its annotations, where people can read it too.
"""

from collections.abc import Mapping
from dataclasses import replace

from watchbill.core.alerts import Signal
from watchbill.server.alerts.models import Alert


def revise(alert: Alert, values: Mapping[str, str]) -> None:
    """Give an alert its other title, description and severity label.

    It is neither sorted anew nor written yet.
    """
    before = _said(alert.title, alert.annotations, alert.labels)
    revised = {name: text for name, text in values.items() if name in before and text}
    originals = {_original(name): before[name] for name in revised}
    alert.annotations = originals | alert.annotations  # the first of several stays
    if "title" in revised:
        alert.title = revised["title"][:400]
    if "description" in revised:
        alert.annotations["description"] = revised["description"]
    if "severity" in revised:
        alert.labels = {**alert.labels, "severity": revised["severity"]}


def as_revised(alert: Alert, signal: Signal) -> Signal:
    """Return what a signal says once what people revised is put in its place."""
    said = _said(signal.title, signal.annotations, signal.labels)
    notes = alert.annotations
    kept = {name: text for name, text in said.items() if _is(notes, name, text)}
    if not kept:
        return signal
    now = _said(alert.title, notes, alert.labels)
    annotations = {
        **signal.annotations,
        **{_original(name): text for name, text in kept.items()},
    }
    if "description" in kept:
        annotations["description"] = now["description"]
    labels = dict(signal.labels)
    if "severity" in kept:
        labels["severity"] = now["severity"]
    title = now["title"] if "title" in kept else signal.title
    return replace(signal, title=title, annotations=annotations, labels=labels)


def _said(
    title: str, annotations: Mapping[str, str], labels: Mapping[str, str]
) -> dict[str, str]:
    return {
        "title": title[:400],
        "description": annotations.get("description", ""),
        "severity": labels.get("severity", ""),
    }


def _is(notes: Mapping[str, str], name: str, text: str) -> bool:
    return notes.get(_original(name)) == text


def _original(name: str) -> str:
    return f"original_{name}"
