"""The door to PostgreSQL.

`connect` opens every connection, with an end to each wait; `errors` says what an error of a statement means, `login` what a refused
connection does.
"""
