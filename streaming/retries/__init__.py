"""The two retry consumers: an error waits until it is due, then its question goes back to the model.

`consumer` is their step, `rules` what each makes of an error, `heap` who is due first, and `reckoning` turns due times into moments of a
clock that nobody sets.
"""
