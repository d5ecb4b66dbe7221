"""The only place that makes Prometheus metrics, read from the database and the standing when they are asked for.

There is no global registry: two bridges in one process, as tests have them, do not count together.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector, CollectorRegistry

from recipeci.host.clock import Clock
from recipeci.service.standing import Standings
from recipeci.service.store import Database, jobs, overview
from recipeci.service.store.overview import Counts

RESULTS = ("taken", "known", "ping", "ignored", "refused", "unavailable")
"""What becomes of webhook deliveries."""
OF_OURSELVES = Path("/proc/self/status")


class Deliveries:
    """Counts webhook deliveries by result since the start; used by all threads of the web server."""

    def __init__(self) -> None:
        """Begin at zero: a result that never came must be seen too."""
        self._lock = threading.Lock()
        self._counted = dict.fromkeys(RESULTS, 0)

    def count(self, result: str) -> None:
        """Count one; a result that is not among RESULTS is a KeyError."""
        with self._lock:
            self._counted[result] += 1

    def counted(self) -> dict[str, int]:
        """Return all."""
        with self._lock:
            return dict(self._counted)


class Collected(Collector):
    """Reads everything when it is asked for."""

    def __init__(self, *, database: Database, standings: Standings, deliveries: Deliveries, clock: Clock) -> None:
        """Take what is read."""
        self._database = database
        self._standings = standings
        self._deliveries = deliveries
        self._clock = clock

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics; raises HostError where the database cannot be read."""
        now = self._clock.epoch()
        with self._database.reading() as tx:
            counts = overview.counts(tx, now=now)
            workers = {row["name"]: (row["slots"], now - row["seen"]) for row in jobs.workers(tx)}
        yield from _of_queue(counts, now=now)
        yield from _of_workers(workers)
        yield from self._of_bridge()
        yield _gauge("process_resident_memory_bytes", "Memory that this process has in use.", _resident_bytes())

    def _of_bridge(self) -> Iterator[Metric]:
        well = GaugeMetricFamily("recipeci_part_well", "Whether a part of the bridge answers.", labels=["part"])
        for need in self._standings.now().needs:
            well.add_metric([need.name], float(need.is_well))
        yield well
        hooks = CounterMetricFamily("recipeci_webhooks", "Webhook deliveries by result.", labels=["result"])
        for result, number in self._deliveries.counted().items():
            hooks.add_metric([result], number)
        yield hooks


def page(collected: Collected, *, accept: str) -> tuple[bytes, str]:
    """Return all metrics in the form that a scraper asks for, and that form's content type."""
    registry = CollectorRegistry()
    registry.register(collected)
    encoder, content_type = choose_encoder(accept)
    return encoder(registry), content_type


def _of_queue(counts: Counts, *, now: float) -> Iterator[Metric]:
    queue = GaugeMetricFamily("recipeci_requests", "Open requests by state.", labels=["state"])
    queue.add_metric(["queued"], counts.queued)
    queue.add_metric(["running"], counts.running)
    yield queue
    ended = CounterMetricFamily("recipeci_requests_ended", "Requests by how they ended.", labels=["outcome"])
    for end, number in counts.ended.items():
        ended.add_metric([end.value], number)
    yield ended
    yield _gauge("recipeci_comments_undecided", "Comments that wait for a decision.", counts.undecided)
    yield _gauge("recipeci_outbox_waiting", "Effects that wait for the forge.", counts.unsent)
    oldest = 0.0 if counts.oldest_unsent is None else max(0.0, now - counts.oldest_unsent)
    yield _gauge("recipeci_outbox_oldest_seconds", "Age of the oldest effect that waits for the forge.", oldest)
    yield _gauge("recipeci_given_up", "Comments and effects given up within the last days.", counts.given_up)


def _of_workers(workers: dict[str, tuple[int, float]]) -> Iterator[Metric]:
    slots = GaugeMetricFamily("recipeci_worker_slots", "Slots of a worker.", labels=["worker"])
    seen = GaugeMetricFamily("recipeci_worker_seen_seconds", "Seconds since a worker was seen.", labels=["worker"])
    for name, (number, ago) in workers.items():
        slots.add_metric([name], number)
        seen.add_metric([name], ago)
    yield slots
    yield seen


def _gauge(name: str, about: str, value: float) -> Metric:
    return GaugeMetricFamily(name, about, value=value)


def _resident_bytes() -> float:
    """Return VmRSS. It is there also in a unit that sees its own processes only, where the library finds nothing."""
    lines = OF_OURSELVES.read_text(encoding="ascii", errors="replace").splitlines()
    return next(float(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:"))
