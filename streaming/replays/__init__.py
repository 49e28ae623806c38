"""Failed questions, asked again.

`plan` says which and how many, `choice` finds them and remembers which it found, `sending` asks the API to replay each, `outcome` counts
what became of them. `replay` is all of it in order, for the command (`cli`) and for Airflow; `tables` shows it.
"""
