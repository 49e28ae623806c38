"""What the services use, from their own /metrics."""

import socket
from collections.abc import Iterator, Mapping

import httpx
from prometheus_client.parser import text_string_to_metric_families

from streaming.errors import Unreachable

# All services are asked in turn within a round of 15 s.
TIMEOUT_S = 1.0

# What is kept of a service, by its name in the samples.
KEPT = {
    "process_cpu_seconds_total": "cpu_seconds",
    "process_resident_memory_bytes": "memory_bytes",
    "answerloop_model_calls_in_flight": "model_calls_in_flight",
    "answerloop_model_in_flight_limit": "model_slots",
}


def take(http: httpx.Client, name: str, url: str, token: str | None = None) -> dict[str, dict[str, float]]:
    """Samples by service. A name that stands for several processes gives each its own, as `name@address`. Raises Unreachable."""
    places = dict(_places(name, httpx.URL(url)))
    return {instance: _read(http, place, url, token) for instance, place in places.items()}


def samples_of(text: str) -> dict[str, float]:
    """What is kept of a service's metrics. Raises ValueError for what is no Prometheus text."""
    return {
        KEPT[sample.name]: float(sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name in KEPT
    }


def _places(name: str, url: httpx.URL) -> Iterator[tuple[str, httpx.URL]]:
    try:
        found = socket.getaddrinfo(url.host, url.port, type=socket.SOCK_STREAM)
    except OSError as err:
        raise Unreachable(f"{name} at {url} has no address: {err}") from err
    # One family: a machine that has an address of each is not two.
    addresses = sorted({str(each[4][0]) for each in found if each[0] == found[0][0]})
    for address in addresses:
        yield (name if len(addresses) == 1 else f"{name}@{address}"), url.copy_with(host=address)


def _read(http: httpx.Client, place: httpx.URL, url: str, token: str | None) -> dict[str, float]:
    headers: Mapping[str, str] = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        response = http.get(place.join("/metrics"), headers=headers)
        response.raise_for_status()
        found = samples_of(response.text)
    except (httpx.HTTPError, ValueError) as err:
        raise Unreachable(f"{url}/metrics ({place.host}) does not answer: {err!r}") from err
    if not {"cpu_seconds", "memory_bytes"} <= found.keys():
        raise Unreachable(f"{url}/metrics ({place.host}) says nothing of its processor and memory")
    return found
