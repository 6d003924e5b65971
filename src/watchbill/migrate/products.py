"""The products from which an import can come, by the name that a person types."""

from collections.abc import Callable, Mapping

from watchbill.migrate import goalert, grafana_oncall, opsgenie, pagerduty
from watchbill.migrate.model import Export

Parse = Callable[[Mapping[str, bytes]], Export]

PRODUCTS: Mapping[str, Parse] = {
    "opsgenie": opsgenie.parse,
    "grafana-oncall": grafana_oncall.parse,
    "pagerduty": pagerduty.parse,
    "goalert": goalert.parse,
}
