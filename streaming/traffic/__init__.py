"""Traffic: a run of many requests, each followed to its end.

`plan` says what to send, `arrivals` when and `popularity` which question. `run` is a run from its `preconditions` to its summary;
`generator` sends a share, fed by `feed`, through `api`; `ends` and `receiver` learn how each request ended, `records` and `runs` keep it,
`progress` shows it, and `drain` waits until the loop is done with it. `cli` is the command, `demo` a small run for a first look.
"""
