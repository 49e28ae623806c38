"""A calibration from end to end: questions from PostgreSQL, scores from the scorer, the result stored and written as a report."""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from streaming.clock import Clock
from streaming.errors import UnscorablePair, UserError
from streaming.reports.calibration_page import write
from streaming.reports.calibration_questions import drawn
from streaming.reports.calibration_quote import store
from streaming.scoring.calibration import Calibration, calibration, samples_of
from streaming.scoring.calibration_pairs import Group, Labelled, labelled_pairs
from streaming.scoring.scorer import Scorer
from streaming.scoring.scorers import scorer
from streaming.settings import Settings
from streaming.traffic.database import connected
from streaming.traffic.plan import Name

log = logging.getLogger(__name__)

# Some seconds of work on two cores: progress moves, and memory stays small.
BATCH = 64
LOG_EVERY_S = 5.0
# Each reference is scored in three pairs: room for some 4,000 of usual length, so that it is embedded once.
CACHE_BYTES = 256 * 1024 * 1024

# Called with the pairs scored so far and those there are.
Advance = Callable[[int, int], None]


class CalibrationPlan(BaseModel):
    """What to calibrate on: so many questions of a dataset, drawn by the seed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: Name
    pairs: int = Field(default=1000, ge=20, le=5000, description="questions, each of which gives a matched and an unrelated pair")
    seed: int = Field(default=1, ge=0, lt=2**63)


def checked(**fields: object) -> CalibrationPlan:
    """The plan with these fields. Raises UserError that names every bad one and what is allowed."""
    try:
        return CalibrationPlan.model_validate(fields)
    except ValidationError as err:
        faults = "; ".join(f"{'.'.join(map(str, each['loc']))}={each['input']!r}: {each['msg']}" for each in err.errors())
        raise UserError(f"This calibration cannot be run: {faults}") from err


def calibrate(plan: CalibrationPlan, settings: Settings, clock: Clock, advance: Advance) -> tuple[Calibration, Path]:
    """Calibrate the configured scorer; returns the result and the page that shows it. A second time replaces both.

    The scorer's network stays in this process as long as the call lasts, 1.3 GB with the model that ships. Raises UserError,
    ConfigurationError, Unreachable.
    """
    started_at = clock.now()
    with connected(settings.reader_url) as database:
        questions = drawn(database, plan.dataset, plan.pairs, plan.seed)
    configured = scorer(settings, CACHE_BYTES)
    # After the questions: who mistyped a name need not wait for the model.
    configured.load()
    scored, left_out = scores(labelled_pairs(questions, plan.seed), configured, advance)
    for group in (Group.MATCHED, Group.UNRELATED):
        if not any(each is group for each, *_ in scored):
            raise UserError(f"The scorer can score no {group} pair of the dataset {plan.dataset!r}: {dict(left_out)}.")
    result = calibration(
        scorer=configured.name,
        dataset=plan.dataset,
        seed=plan.seed,
        questions=len(questions),
        started_at=started_at,
        finished_at=clock.now(),
        samples=samples_of(scored),
        left_out=left_out,
        threshold=settings.score_threshold,
    )
    # Files first: a stored calibration always has its page.
    page = write(result, settings.reports_dir)
    with connected(settings.reader_url) as database:
        store(database, result)
    return result, page


def scores(pairs: Sequence[Labelled], scorer: Scorer, advance: Advance) -> tuple[list[tuple[Group, str, float]], Counter[str]]:
    """(group, kind, score) of every pair that can be scored, and how many cannot, by reason."""
    scored: list[tuple[Group, str, float]] = []
    left_out: Counter[str] = Counter()
    for start in range(0, len(pairs), BATCH):
        advance(start, len(pairs))
        batch = pairs[start : start + BATCH]
        for labelled, score in zip(batch, scorer.score([each.pair for each in batch]), strict=True):
            if isinstance(score, UnscorablePair):
                left_out[f"{labelled.group}: {score}"] += 1
            else:
                scored.append((labelled.group, labelled.kind, score))
    advance(len(pairs), len(pairs))
    return scored, left_out


def logged(clock: Clock) -> Advance:
    """Progress as log lines: at the start, every few seconds, at the end."""
    said = float("-inf")

    def advance(done: int, of: int) -> None:
        nonlocal said
        if done == of or clock.monotonic() - said >= LOG_EVERY_S:
            said = clock.monotonic()
            log.info("scored %d of %d pairs (%.0f %%)", done, of, 100 * done / of)

    return advance
