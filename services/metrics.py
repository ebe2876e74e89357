"""Figures of this service in Prometheus' text format (prometheus.io/docs/instrumenting/exposition_formats)."""

import os
from pathlib import Path

from prometheus_client import REGISTRY, CollectorRegistry, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""Media type of what `exposition` gives."""

SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Environment variable of prometheus_client: the folder through which several processes add up their figures."""

REQUEST_SECONDS = Histogram(
    "billgraph_http_request_seconds",
    "Time to answer an HTTP request, by route and status.",
    ("route", "status"),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)


def exposition() -> bytes:
    """Every figure as text: of this process, or of all processes of `billgraph serve` when there are several."""
    if not os.environ.get(SHARED_FOLDER):
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library leaves it untyped
    return generate_latest(registry)


def share_between_processes(folder: Path) -> None:
    """Let the processes that are started from here add up their figures in a folder, which is emptied first."""
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob("*.db"):
        left.unlink(missing_ok=True)
    os.environ[SHARED_FOLDER] = str(folder.absolute())
