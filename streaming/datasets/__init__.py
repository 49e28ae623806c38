"""Questions and reference answers to ask with.

`csv_rows` reads the Yahoo format, `side_file` keeps the rows that cannot be used, `load` fills the table, `corpus` reads from it.
`cli` is the command.
"""
