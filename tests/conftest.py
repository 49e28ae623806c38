"""What holds for every test."""

import os
import tempfile

import hypothesis

# The machine is shared: how long one example takes says nothing about the code.
hypothesis.settings.register_profile("shared machine", deadline=None)
hypothesis.settings.load_profile("shared machine")

# Airflow writes where this points as soon as it is imported; on a stack it is the stack's.
os.environ.setdefault("AIRFLOW_HOME", tempfile.mkdtemp(prefix="answerloop-airflow-"))
