"""The page of a calibration: what the threshold in use accepts and refuses, which one to use instead, and on what that rests."""

from streaming.calibration.chart import distributions, errors
from streaming.figures.rates import VARIANT_OF, Calibration, Group, Rates, Share, scores_of, share, variants
from streaming.reports import frame
from streaming.reports.digits import noun, percent, span
from streaming.reports.frame import Page, Section, Tile

FILES = (
    ("calibration.json", "all of it, every score included, as one JSON document"),
    ("thresholds.csv", "both error rates of every threshold from 0 to 1, with their intervals"),
    ("scores.csv", "every score with the kind of its pair"),
)


def render(calibration: Calibration) -> str:
    """The report as one HTML file."""
    return frame.document(page(calibration))


def body(calibration: Calibration, files: str = "") -> str:
    """The report as a fragment for a host page (see `frame.fragment`)."""
    return frame.fragment(page(calibration), files)


def page(calibration: Calibration) -> Page:
    """What the page says. Its figures are never those of simulated answers, which it names and shows apart: it is no simulated report."""
    return Page(
        kind="Calibration of the score threshold",
        title=calibration.subject,
        facts=_facts(calibration),
        simulated=False,
        tiles=_tiles(calibration),
        sections=[
            Section("threshold", f"What {calibration.threshold:g} means with this scorer", _sentences(calibration), [errors(calibration)]),
            Section("scores", "The scores behind it", (), [distributions(calibration)]),
            Section("pairs", "What was compared", _method(calibration)),
        ],
        files=FILES,
    )


def quoted(rates: Rates) -> str:
    """The main figure in a sentence."""
    accepts, refuses = rates.false_accepts, rates.false_rejects
    return (
        f"{rates.threshold:g} accepts {percent(accepts.rate)} of unrelated answers with this scorer ({_counted(accepts)}),"
        f" and refuses {percent(refuses.rate)} of matched ones ({_counted(refuses)})."
    )


def _facts(calibration: Calibration) -> list[tuple[str, str]]:
    facts = [
        ("Scorer", calibration.scorer),
        ("Dataset", calibration.dataset),
        ("Questions", f"{calibration.questions:,}, drawn with seed {calibration.seed}"),
        ("Time", span(calibration.started_at, calibration.finished_at)),
    ]
    if calibration.simulated:
        models = ", ".join(each.kind.removeprefix("answer of ") for each in calibration.samples if each.group is Group.SIMULATED)
        facts.append(("SIMULATED answers", f"{len(scores_of(calibration.samples, Group.SIMULATED)):,} of {models}: shown, in no rate"))
    return facts


def _tiles(calibration: Calibration) -> list[Tile]:
    in_use, best, strict = calibration.in_use, calibration.at_recommended, calibration.at_strict
    return [
        Tile(
            f"{in_use.threshold:g} accepts", percent(in_use.false_accepts.rate), f"of unrelated answers: {_counted(in_use.false_accepts)}"
        ),
        Tile(f"{in_use.threshold:g} refuses", percent(in_use.false_rejects.rate), f"of matched answers: {_counted(in_use.false_rejects)}"),
        Tile("Recommended threshold", f"{best.threshold:g}" if best else "none", _both(best) if best else "nothing separates the pairs"),
        Tile("For 1 % false accepts", f"{strict.threshold:g}" if strict else "none", _both(strict) if strict else "1 accepts more"),
    ]


def _sentences(calibration: Calibration) -> list[str]:
    sentences = [quoted(calibration.in_use)]
    if one_topic := calibration.in_use.same_topic:
        sentences.append(f"Of unrelated answers of the same topic it accepts {percent(one_topic.rate)} ({_counted(one_topic)}).")
    if best := calibration.at_recommended:
        sentences.append(
            f"Recommended is {best.threshold:g}: there the shares of false accepts and of false rejects add up to least (Youden's index),"
            f" {_both(best)}. Where several do equally well, it is the middle of them."
        )
    else:
        sentences.append("No threshold is recommended: none tells matched from unrelated answers better than chance.")
    if strict := calibration.at_strict:
        sentences.append(f"The smallest threshold with at most 1 % false accepts is {strict.threshold:g} ({_both(strict)}).")
    return [*sentences, *_real(calibration), _caution(calibration)]


def _real(calibration: Calibration) -> list[str]:
    """What the threshold does to the matched answers that somebody gave."""
    sentences = []
    for each in calibration.samples:
        if each.group is Group.MATCHED and not each.kind.startswith(VARIANT_OF):
            refused = share(sum(score < calibration.threshold for score in each.scores), len(each.scores))
            sentences.append(f"Where the matched answer is {each.kind}, it refuses {percent(refused.rate)} ({_counted(refused)}).")
    return sentences


def _caution(calibration: Calibration) -> str:
    made = variants(calibration.samples)
    if not made.count:
        return "A matched answer is one to the same question; nobody has judged whether it is right."
    return (
        f"{made.count:,} of {made.of:,} matched answers are variants of the reference, made by fixed rules, because no answer of a real"
        " model is recorded for the question. They stay much closer to the reference than an answer that somebody else wrote: of real"
        " answers, every threshold refuses more than it does here, and the recommended one may be too high for them. The false accepts"
        " rest on no variant."
    )


def _method(calibration: Calibration) -> list[str]:
    sentences = [
        "A pair is an answer and a reference; a score at or above the threshold accepts the answer, as in the loop.",
        "Matched: for each question the first answer that a real model gave it, before any retry; else another dataset's reference for the"
        " same question; else a variant of the reference.",
        "Unrelated: the references shuffled among the questions, so that none keeps its own; of one topic: the same within each topic of"
        " the dataset. Both are as good as the dataset: two questions may ask the same thing, and topics may be wrong.",
        "In brackets behind a rate: the pairs it counts, and its 95 % interval (Wilson's).",
    ]
    if calibration.simulated:
        sentences.append(
            "The simulator makes its answers from the references, and poor ones on purpose. They are shown as SIMULATED, and take no part"
            " in any rate or recommendation."
        )
    sentences += [f"Not scored: {noun(number, 'pair')}, {reason}." for reason, number in sorted(calibration.left_out.items())]
    return sentences


def _counted(share: Share) -> str:
    return f"{share.count:,} of {share.of:,}, {100 * share.low:.1f} to {100 * share.high:.1f} %"


def _both(rates: Rates) -> str:
    return f"{percent(rates.false_accepts.rate)} false accepts, {percent(rates.false_rejects.rate)} false rejects"
