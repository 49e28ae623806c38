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


def test_to_import_the_plugin_loads_nothing_but_the_plugin() -> None:
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'plugins'}"}
    done = subprocess.run([sys.executable, "-c", IMPORT], env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    loaded = done.stdout.strip().split("\n")[-1].split()
    assert "answerloop_airflow.pages.lazy" in loaded
    assert [name for name in loaded if not name.startswith("answerloop_")] == []
