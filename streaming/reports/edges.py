"""The edges of the bins in which scores and latencies are counted."""

# 1 ms to 1,000 s, five bins a decade.
LATENCY_EDGES_MS = [10 ** (step / 5) for step in range(31)]
SCORE_EDGES = [step / 20 for step in range(21)]
