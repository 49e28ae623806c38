"""What the pages cost those who never show one."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
IMPORT = """
import sys
import airflow.plugins_manager
before = set(sys.modules)
import answerloop_plugin
print(*(set(sys.modules) - before))
"""

# What draws is imported beside the pages, not before them: here it never is.
PAGES = """
import sys
from answerloop_airflow.pages import app, drawn
drawn.get_ready = lambda: None
app.pages(lambda: None, lambda: None)
print("plotly" in sys.modules)
"""


def test_to_import_the_plugin_loads_nothing_but_the_plugin() -> None:
    loaded = last_line_of(IMPORT).split()
    assert "answerloop_airflow.pages.lazy" in loaded
    assert [name for name in loaded if not name.startswith("answerloop_")] == []


def test_the_pages_are_built_without_what_draws_reports() -> None:
    assert last_line_of(PAGES) == "False"


def last_line_of(program: str) -> str:
    """What it prints last, in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'plugins'}"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().split("\n")[-1]
