"""What runs and days came to, from SQL to plain values.

`scope` says which rows count, `queries` asks for them, `buckets` holds distributions and series. `model`, `flink`, `kafka` and `whole` fill
the parts of `values`, `measure` all of them, for a run or a day; `run_summary` is the short form that is stored with a run. `rates` says
what a threshold on the score does, `calibration_quote` what the newest calibration says of it.
"""
