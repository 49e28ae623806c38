"""A choice and an outcome as people read them. Texts of questions and errors are untrusted: nothing in them is markup or a control code."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from streaming.replays.choice import Choice
from streaming.replays.outcome import Outcome


def choice_table(choice: Choice) -> RenderableType:
    """How many match, by cause, and a sample."""
    causes = Table("cause", "failures", title=f"{choice.matched} failures match", title_justify="left", min_width=40)
    for cause, count in choice.matching.items():
        causes.add_row(plain(cause), f"{count:,}")
    sample = Table(title="the oldest of them", title_justify="left", expand=True)
    for title, share in (("failed at (UTC)", None), ("cause", 2), ("run", 2), ("question", 4), ("error", 4)):
        sample.add_column(title, no_wrap=True, ratio=share, min_width=None if share else 17)
    for each in choice.sample:
        texts = (f"{each.failed_at:%y-%m-%d %H:%M:%S}", each.cause, each.run_id or "-", each.question, each.error)
        sample.add_row(*(plain(text) for text in texts))
    return Group(causes, sample)


def choice_markdown(choice: Choice) -> str:
    """The same as Markdown. Every text is code without a backtick or a bar, so that nothing of it can end its cell."""
    causes = ["| cause | failures |", "|---|---|", *(f"| {_code(cause)} | {count:,} |" for cause, count in choice.matching.items())]
    sample = ["| failed at (UTC) | run | question | error |", "|---|---|---|---|"]
    for each in choice.sample:
        texts = (_code(text) for text in (each.run_id or "-", each.question, each.error))
        sample.append(f"| {each.failed_at:%Y-%m-%d %H:%M:%S} | {' | '.join(texts)} |")
    return "\n".join([f"{choice.matched} failures match.", "", *causes, "", "The oldest of them:", "", *sample])


def outcome_table(outcome: Outcome) -> RenderableType:
    """How many recovered, and why the others did not."""
    table = Table(
        "outcome", "questions", "an error among them", title=f"Replay {plain(outcome.replay_id)}", title_justify="left", min_width=78
    )
    table.add_row("recovered", f"{outcome.recovered:,}", "")
    for cause, count in outcome.failed_again.items():
        table.add_row(plain(f"failed again: {cause}"), f"{count:,}", plain(outcome.errors[cause], 80))
    if outcome.pending:
        table.add_row("pending", f"{outcome.pending:,}", "")
    return table


def _code(text: str) -> str:
    return f"`{plain(text, 80).plain.replace('`', chr(39)).replace('|', '¦').strip() or '-'}`"


def plain(text: str, most: int = 200) -> Text:
    """The text on one line, without anything that a terminal or rich would act on, cut at `most` characters."""
    line = "".join(character if character.isprintable() else " " for character in " ".join(text.split()))
    return Text(line if len(line) <= most else line[: most - 1] + "…")
