"""Faults on the real stack under traffic, and a checker that reads everything that is left of a run.

- `ledger`, `evidence`: what was asked and what is left: topics, tables, cache, calls of the model.
- `checker`: the `invariants`, pure, in modules `checks_*` over the `messages` of the records; `gathering` reads the evidence from a stack.
- `faults`, `runner`, `table`: what is done to the stack, when, and what came of it.
"""
