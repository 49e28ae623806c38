"""Two runs side by side: each figure, how far it moved, and whether for the better. Pure."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from streaming.figures.run_summary import RunSummary
from streaming.reports import digits

# Below this part of the larger value a difference is none.
NEGLIGIBLE = 0.005
LESS, MORE, NEITHER = -1, 1, 0


class Figure(NamedTuple):
    """`better`: what is better, LESS or MORE, or NEITHER where a difference is no merit."""

    name: str
    of: Callable[[RunSummary], float | None]
    shown: Callable[[float | None], str]
    better: int = NEITHER


class Compared(NamedTuple):
    """A figure of both. `change`: of the right one against the left one, as text; `verdict`: "better", "worse", "differs" or "same"."""

    name: str
    left: str
    right: str
    change: str
    verdict: str


class Setting(NamedTuple):
    """A setting of both plans."""

    name: str
    left: str
    right: str

    @property
    def differs(self) -> bool:
        return self.left != self.right


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


FIGURES: Mapping[str, tuple[Figure, ...]] = {
    "Requests": (
        Figure("requests", lambda run: run.requests.total, digits.count),
        Figure("answered, share", lambda run: _share(run.requests.final.get("answered", 0), run.requests.total), digits.percent, MORE),
        Figure("failed, share", lambda run: _share(run.requests.final.get("failed", 0), run.requests.total), digits.percent, LESS),
        Figure("found at once, share", lambda run: _share(run.requests.first.get("found", 0), run.requests.total), digits.percent),
        Figure("sent a second", lambda run: run.requests.sent_per_s, digits.significant),
        Figure("ended a second", lambda run: run.requests.ended_per_s, digits.significant, MORE),
    ),
    "Latency": (
        Figure("to the first reply, p50", lambda run: run.requests.perceived.p50, digits.duration, LESS),
        Figure("to the first reply, p95", lambda run: run.requests.perceived.p95, digits.duration, LESS),
        Figure("to the answer, p50", lambda run: run.requests.real.p50, digits.duration, LESS),
        Figure("to the answer, p95", lambda run: run.requests.real.p95, digits.duration, LESS),
        Figure("to the answer, p99", lambda run: run.requests.real.p99, digits.duration, LESS),
    ),
    "Scores": (
        Figure("final score, mean", lambda run: run.scores.mean_final, digits.score, MORE),
        Figure("first score, mean", lambda run: run.scores.mean_first, digits.score, MORE),
        Figure("asked again for a low score, share", lambda run: run.scores.regeneration_rate, digits.percent, LESS),
        Figure("improvement by asking again", lambda run: run.scores.mean_improvement, digits.score, MORE),
        Figure("accepted below the threshold", lambda run: run.scores.best_attempts, digits.count, LESS),
    ),
    "Model calls": (
        Figure("calls", lambda run: run.attempts.total, digits.count),
        Figure("calls a request", lambda run: _share(run.attempts.total, run.requests.total), digits.significant, LESS),
        Figure("extra calls", lambda run: run.attempts.extra, digits.count, LESS),
    ),
    "Mean time of an answered question": (
        Figure("in the queue", lambda run: run.stages.queue_ms, digits.duration, LESS),
        Figure("at the model", lambda run: run.stages.model_ms, digits.duration, LESS),
        Figure("being scored", lambda run: run.stages.scoring_ms, digits.duration, LESS),
        Figure("waiting to be asked again", lambda run: run.stages.waiting_ms, digits.duration, LESS),
        Figure("being stored", lambda run: run.stages.store_ms, digits.duration, LESS),
    ),
}


def figures(left: RunSummary, right: RunSummary) -> Mapping[str, list[Compared]]:
    """Every figure of both, by part."""
    return {part: [compared(each, left, right) for each in wanted] for part, wanted in FIGURES.items()}


def compared(figure: Figure, left: RunSummary, right: RunSummary) -> Compared:
    """One figure of both."""
    one, other = figure.of(left), figure.of(right)
    shown = (figure.name, figure.shown(one), figure.shown(other))
    if one is None or other is None:
        return Compared(*shown, digits.NOTHING, "same" if one is other else "differs")
    moved = other - one
    if abs(moved) <= NEGLIGIBLE * max(abs(one), abs(other)):
        return Compared(*shown, "none", "same")
    # A share of a share would mislead: its difference is in percentage points.
    if figure.shown is digits.percent:
        change = f"{moved * 100:+.1f} points"
    elif one:
        change = f"{moved / abs(one):+.1%}".replace("%", " %")
    else:
        change = f"+{figure.shown(moved)}" if moved > 0 else figure.shown(moved)
    if not figure.better:
        return Compared(*shown, change, "differs")
    return Compared(*shown, change, "better" if (moved > 0) == (figure.better == MORE) else "worse")


def settings(left: Mapping[str, object], right: Mapping[str, object]) -> list[Setting]:
    """The settings that are given in either plan."""
    names = [name for name in {**left, **right} if left.get(name) is not None or right.get(name) is not None]
    return [Setting(name, *(digits.NOTHING if plan.get(name) is None else str(plan[name]) for plan in (left, right))) for name in names]
