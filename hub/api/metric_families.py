"""The metrics by name. In: lag, counters, histograms. Out: metric families of the Prometheus library.

The names are fixed: dashboards and alarms use them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from hub.api.objective_families import Counts, objective_families
from hub.domain.cause import CircuitState
from hub.domain.kinds import OF_MANDATES
from hub.domain.lag import BOUNDS
from hub.observe.lag import DestinationLag, Lag

OUTCOMES: Final = ("delivered", "retry", "refused", "gone")
EDGES: Final = (*(str(bound) for bound in BOUNDS), "+Inf")
Histograms = Mapping[tuple[int, str], tuple[Sequence[int], float]]


class HubMetrics(Collector):
    """The metrics of one scrape."""

    def __init__(self, *, lag: Lag, counters: Counts, hops: Histograms) -> None:
        self._lag = lag
        self._counters = counters
        self._hops = hops

    def collect(self) -> Iterator[Metric]:
        """Return every metric."""
        yield self._events()
        yield self._deliveries()
        yield self._seconds()
        yield self._attempts()
        yield self._lanes()
        yield from self._ages()
        yield from objective_families(self._lag, self._counters)
        yield _single_gauge(
            "unpublished_events", "Events recorded and not yet on the published log.", self._lag.unpublished
        )
        yield _single_gauge("unplanned_events", "Events recorded and not yet planned.", self._lag.unplanned)
        yield _single_gauge("parked", "Records put aside that wait for a decision.", self._lag.parked)
        yield from self._health()
        stranded = sum(n for (name, _, _), n in self._counters.items() if name == "stranded")
        words = "Lanes found neither due nor leased, and repaired."
        yield CounterMetricFamily("osr_hub_stranded_lanes", words, value=stranded)

    def _health(self) -> Iterator[Metric]:
        well = GaugeMetricFamily(
            "osr_hub_process_well", "Whether a kind of process is at work and makes progress.", labels=["process"]
        )
        for each in self._lag.health.roles:
            well.add_metric([each.role], float(each.is_well))
        yield well
        records = GaugeMetricFamily(
            "osr_hub_unread_records", "Records of a topic that the hub has not read.", labels=["topic"]
        )
        seconds = GaugeMetricFamily(
            "osr_hub_unread_seconds", "The age of the oldest of them; 0 when there is none.", labels=["topic"]
        )
        for topic in self._lag.health.unread:
            records.add_metric([topic.topic], topic.records)
            seconds.add_metric([topic.topic], topic.oldest_seconds or 0.0)
        yield records
        yield seconds

    def _events(self) -> Metric:
        family = CounterMetricFamily("osr_hub_events", "Events published.", labels=["type"])
        for kind in OF_MANDATES:
            family.add_metric([kind.type], self._counters.get(("events", 0, kind.type), 0))
        return family

    def _deliveries(self) -> Metric:
        words = "Deliveries by status, as it is shown."
        family = GaugeMetricFamily("osr_hub_deliveries", words, labels=["destination", "status"])
        for each in self._lag.destinations:
            for status, n in sorted(each.statuses.items()):
                family.add_metric([each.destination.name, status.value], n)
            family.add_metric([each.destination.name, "held"], each.standing.held)
        return family

    def _seconds(self) -> Metric:
        words = "How long each hop of a delivery took."
        family = HistogramMetricFamily("osr_hub_delivery_seconds", words, labels=["destination", "hop"])
        names = {each.destination.id: each.destination.name for each in self._lag.destinations}
        for (destination, hop), (buckets, seconds) in sorted(self._hops.items()):
            if destination in names:
                heights = zip(EDGES, accumulate(buckets), strict=True)
                family.add_metric([names[destination], hop], buckets=list(heights), sum_value=seconds)
        return family

    def _attempts(self) -> Metric:
        words = "Attempts to hand a message over, by outcome."
        family = CounterMetricFamily("osr_hub_attempts", words, labels=["destination", "outcome"])
        for each in self._lag.destinations:
            for outcome in OUTCOMES:
                n = self._counters.get(("attempts", each.destination.id, outcome), 0)
                family.add_metric([each.destination.name, outcome], n)
        return family

    def _lanes(self) -> Metric:
        family = GaugeMetricFamily("osr_hub_lanes", "Lanes by state.", labels=["destination", "state"])
        for each in self._lag.destinations:
            for state, n in _lane_states(each).items():
                family.add_metric([each.destination.name, state], n)
        return family

    def _ages(self) -> Iterator[Metric]:
        yield self._each(
            "oldest_undelivered_seconds",
            "The age of the oldest message that waits and may go; 0 when none does.",
            lambda each: each.standing.oldest_undelivered or 0.0,
        )
        yield self._each(
            "oldest_unprocessed_seconds",
            "The age of the oldest message that was taken and not reported on; 0 when there is none.",
            lambda each: each.standing.oldest_unprocessed or 0.0,
        )
        yield self._each(
            "circuit_open",
            "Whether nothing but probes goes there.",
            lambda each: float(each.standing.circuit is not CircuitState.CLOSED),
        )
        yield self._each(
            "destination_slowed",
            "Whether it asked for patience and gets fewer messages at once than usual, or none for a while.",
            lambda each: float(each.destination.pace is not None or each.standing.is_paused),
        )

    def _each(self, name: str, words: str, value: Callable[[DestinationLag], float]) -> Metric:
        family = GaugeMetricFamily(f"osr_hub_{name}", words, labels=["destination"])
        for each in self._lag.destinations:
            family.add_metric([each.destination.name], value(each))
        return family


def _single_gauge(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(f"osr_hub_{name}", words, value=value)


def _lane_states(each: DestinationLag) -> dict[str, int]:
    lanes = each.lanes
    if not each.destination.has_receiver:
        return {"idle": lanes.idle, "waiting": 0, "held": lanes.held + lanes.busy, "retrying": 0}
    retrying = min(each.standing.retrying, lanes.busy)  # a lane retries one message, and the others wait behind it
    return {"idle": lanes.idle, "waiting": lanes.busy - retrying, "held": lanes.held, "retrying": retrying}
