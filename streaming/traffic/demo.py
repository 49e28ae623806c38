"""The demo's traffic, and which paths through the loop a run took."""

from rich.table import Table

from streaming.figures.run_summary import RunSummary
from streaming.traffic.generator import ANSWERED, FAILED
from streaming.traffic.plan import Arrivals, Popularity, TrafficPlan

# Spread over so many seconds, at most so many a second: the first answers are there when their questions come again.
SENDING_S = 40.0
MOST_PER_S = 20.0
# Popular enough that some questions come again and are found, spread enough that most are asked once.
ZIPF_EXPONENT = 0.5
SEED = 7
DRAIN_TIMEOUT_S = 180.0


def demo_plan(dataset: str, requests: int) -> TrafficPlan:
    """What the demo sends."""
    return TrafficPlan(
        dataset=dataset,
        requests=requests,
        arrivals=Arrivals.POISSON,
        rate=min(max(requests / SENDING_S, 1.0), MOST_PER_S),
        popularity=Popularity.ZIPF,
        zipf_exponent=ZIPF_EXPONENT,
        seed=SEED,
    )


def complete(summary: RunSummary) -> bool:
    """Whether every request of the run was answered or failed."""
    final = summary.requests.final
    return final.get(ANSWERED, 0) + final.get(FAILED, 0) == summary.requests.total


def paths(summary: RunSummary) -> dict[str, int]:
    """How often each path through the loop was taken."""
    retries = summary.attempts.retries
    return {
        "found in the cache": summary.requests.from_cache,
        "pending at first": summary.requests.first.get("pending", 0),
        "asked again after an overload": retries["overload"].made if "overload" in retries else 0,
        "asked again after a quota error": retries["quota"].made if "quota" in retries else 0,
        "regeneration that helped": summary.scores.helped,
        "best attempt accepted": summary.scores.best_attempts,
        "permanent failure": sum(summary.failures.values()),
    }


def paths_table(summary: RunSummary) -> Table:
    """The same as people read it in a terminal."""
    table = Table("path through the loop", "times", "", title="Paths taken", title_justify="left", min_width=78)
    for path, times in paths(summary).items():
        table.add_row(path, str(times), "[green]shown[/]" if times else "[yellow]not taken in this run[/]")
    return table
