"""What the score threshold accepts and refuses, measured on a dataset.

`plan` says on what, `questions` come from PostgreSQL, `pairs` and `variants` make of them what is scored, `thresholds` follow from the
scores. `page`, `chart`, `files` and `stored_html` show it. `calibrate` does all of it, `cli` is the command.
"""
