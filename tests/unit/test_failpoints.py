"""A failpoint ends the process once, at the time that was asked for, and is nothing where no folder was named."""

import subprocess
import sys
from pathlib import Path

PASSING_BY = """
import sys
from pathlib import Path
from streaming import failpoints

failpoints.arm(Path(sys.argv[1]), "service")
for time in range(5):
    failpoints.reach("point")
    print(time, flush=True)
"""


def passing_by(folder: Path) -> tuple[list[str], int]:
    done = subprocess.run([sys.executable, "-c", PASSING_BY, str(folder)], capture_output=True, text=True, timeout=30)
    return done.stdout.split(), done.returncode


def test_the_process_is_killed_the_third_time_that_it_comes_by_and_not_in_its_next_life(tmp_path: Path) -> None:
    (tmp_path / "service.point").write_text("3")
    assert passing_by(tmp_path) == (["0", "1"], -9)
    assert passing_by(tmp_path) == (["0", "1", "2", "3", "4"], 0)


def test_a_point_that_nobody_asked_for_ends_nothing(tmp_path: Path) -> None:
    (tmp_path / "service.other").write_text("1")
    assert passing_by(tmp_path) == (["0", "1", "2", "3", "4"], 0)
