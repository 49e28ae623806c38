"""A report as a terminal shows it."""

from rich.table import Table

from streaming.figures.values import Report
from streaming.reports.metrics import metrics


def report_table(report: Report) -> Table:
    """The figures of the report as one table; those that are unknown are left out."""
    scope = report.figures.scope
    title = f"{scope.kind.value} {scope.subject}{' (simulated)' if scope.simulated else ''}{', not over' if scope.partial else ''}"
    nothing = "nothing happened: no question was asked and no model was called" if report.figures.empty else None
    table = Table("part", "figure", "of", "value", title=title, caption=nothing, title_justify="left", caption_justify="left")
    for each in metrics(report.figures):
        if each.value is not None:
            table.add_row(each.part, each.metric.replace("_", " "), each.label, each.text)
    return table
