"""Figures as people read them: pages, charts, tables, files.

`page` says what a report's page holds, `charts` draw it, `frame` makes HTML of it; `digits` writes numbers. `metrics`, `csv_files` and
`report_table` are the same figures as rows. `produce` makes a report from end to end: `folder` writes its files, `store` and `stored_html`
keep it for Airflow's pages. `cli` is the command.
"""
