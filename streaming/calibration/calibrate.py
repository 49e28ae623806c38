"""A calibration from end to end: questions from PostgreSQL, scores from the scorer, the result stored and written as a report."""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import msgspec
from psycopg2.extensions import connection

from streaming.calibration.files import FILES
from streaming.calibration.page import body, render
from streaming.calibration.pairs import Labelled, labelled_pairs
from streaming.calibration.plan import CalibrationPlan
from streaming.calibration.questions import drawn
from streaming.calibration.stored_html import drawn_with
from streaming.calibration.thresholds import calibration, samples_of
from streaming.clock import Clock
from streaming.errors import UnscorablePair, UserError
from streaming.figures.rates import Calibration, Group
from streaming.figures.scope import Kind
from streaming.postgres.connect import connected
from streaming.reports import stored_html
from streaming.reports.folder import place, write_files
from streaming.reports.store import keep
from streaming.scoring.pair import Pair
from streaming.settings import Settings

log = logging.getLogger(__name__)

# Some seconds of work on two cores: progress moves, and memory stays small.
BATCH = 64
LOG_EVERY_S = 5.0
# Each reference is scored in three pairs: room for some 4,000 of usual length, so that it is embedded once.
CACHE_BYTES = 256 * 1024 * 1024

# Called with the pairs scored so far and those there are.
Advance = Callable[[int, int], None]


class Scores(Protocol):
    """Scores pairs, in order; a pair that has no score has the reason instead."""

    identity: str

    def score(self, pairs: Sequence[Pair]) -> list[float | UnscorablePair]: ...


def calibrate(plan: CalibrationPlan, settings: Settings, clock: Clock, advance: Advance) -> tuple[Calibration, Path]:
    """Calibrate the configured scorer; returns the result and the page that shows it. A second time replaces both.

    The scorer's network stays in this process as long as the call lasts, 1.3 GB with the model that ships. Raises UserError,
    ConfigurationError, Unreachable.
    """
    started_at = clock.now()
    with connected(settings.reader_url) as database:
        questions = drawn(database, plan.dataset, plan.pairs, plan.seed)
    # After the questions: who mistyped a name need not wait for the model. Not at the top: it brings torch.
    from streaming.scoring.bertscore import Scorer
    from streaming.scoring.model import load

    scorer = Scorer(load(settings.scorer_model, settings.scorer_layers), CACHE_BYTES)
    scored, left_out = scores(labelled_pairs(questions, plan.seed), scorer, advance)
    for group in (Group.MATCHED, Group.UNRELATED):
        if not any(each is group for each, *_ in scored):
            raise UserError(f"The scorer can score no {group} pair of the dataset {plan.dataset!r}: {dict(left_out)}.")
    result = calibration(
        scorer=scorer.identity,
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


def write(calibration: Calibration, reports_dir: Path) -> Path:
    """Write the page and the files beside it, each replaced as a whole, the page last; gives the path of the page."""
    folder = place(reports_dir, Kind.CALIBRATION, calibration.subject)
    files = {name: made(calibration) for name, made in FILES.items()}
    write_files(folder, files | {"index.html": render(calibration)})
    return folder / "index.html"


def store(database: connection, calibration: Calibration) -> None:
    """Keep the calibration; it replaces an earlier one of the same scorer and dataset."""
    keep(
        database,
        Kind.CALIBRATION,
        calibration.subject,
        (calibration.started_at, calibration.finished_at),
        simulated=calibration.simulated,
        report=msgspec.json.encode(calibration).decode(),
        body=body(calibration, stored_html.FILES),
        drawn_with=drawn_with(),
        now=calibration.finished_at,
    )


def scores(pairs: Sequence[Labelled], scorer: Scores, advance: Advance) -> tuple[list[tuple[Group, str, float]], Counter[str]]:
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
