"""Triggers of the loop: what waits in the triggerer, so that no worker does."""
