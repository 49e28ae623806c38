"""Loading files into a real PostgreSQL."""

import csv
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg2
import pytest
from psycopg2.extensions import connection

from streaming.datasets import load as loader
from streaming.datasets.load import Loaded, load_file
from streaming.errors import UserError
from tests.integration.private_tables import private_tables

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
REAL_ROWS = ROOT.parent / "shared" / "data" / "yahoo_real_slice.csv"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with private_tables() as tables:
        yield tables


@pytest.fixture
def database(url: str) -> Iterator[connection]:
    opened = psycopg2.connect(url)
    with opened, opened.cursor() as cursor:
        cursor.execute("TRUNCATE dataset_questions")
    yield opened
    opened.close()


def load(database: connection, path: Path, dataset: str = "d", rejected: Path | None = None) -> Loaded:
    return load_file(path, dataset, database, rejected or path.parent, lambda done: None)


def stored(database: connection, dataset: str = "d") -> list[tuple[object, ...]]:
    with database, database.cursor() as cursor:
        cursor.execute(
            "SELECT question_text, original_answer, topic, line_number, other_references FROM dataset_questions WHERE dataset = %s"
            " ORDER BY line_number, question_text",
            (dataset,),
        )
        return cursor.fetchall()


def written(path: Path, *rows: tuple[object, ...]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows(rows)
    return path


def test_rows_arrive_as_they_are(database: connection, tmp_path: Path) -> None:
    odd = 'back\\slash\ttab "quotes" ¿Straße? 花見'
    loaded = load(database, written(tmp_path / "f.csv", (1, "One?", "", odd), (10, "Two?", "more", ""), (3, "Three?", "", "\\N")))
    assert (loaded.rows, loaded.questions, loaded.repeated, loaded.rejected, loaded.rejected_file) == (3, 3, 0, 0, None)
    assert stored(database) == [("One?", odd, 1, 1, 0), ("Two?\nmore", None, 10, 2, 0), ("Three?", "\\N", 3, 3, 0)]


def test_the_first_reference_stays_and_the_others_are_counted(database: connection, tmp_path: Path) -> None:
    rows = [(1, "Why?", "", "first"), (2, " why? ", "", "second"), (1, "WHY?", "", "second"), (1, "Why?", "", "first"), (1, "Why?", "", "")]
    loaded = load(database, written(tmp_path / "f.csv", *rows))
    assert (loaded.rows, loaded.questions, loaded.repeated) == (5, 1, 4)
    assert stored(database) == [("Why?", "first", 1, 1, 1)]


def test_a_question_without_reference_takes_the_first_there_is(database: connection, tmp_path: Path) -> None:
    load(database, written(tmp_path / "f.csv", (1, "Why?", "", ""), (1, "Why?", "", "because"), (1, "Why?", "", "so")))
    assert stored(database) == [("Why?", "because", 1, 1, 1)]


def test_loading_again_changes_nothing(database: connection, tmp_path: Path) -> None:
    file = written(tmp_path / "f.csv", (1, "Why?", "", "first"), (2, "Why?", "", "second"), (3, "How?", "", ""))
    load(database, file)
    before = stored(database)
    again = load(database, file)
    assert (again.rows, again.questions, again.repeated) == (3, 0, 3)
    assert stored(database) == before


def test_the_batches_make_no_difference(database: connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = written(tmp_path / "f.csv", *((1, f"Question {number % 7}?", "", f"answer {number % 3}") for number in range(50)))
    load(database, file, "whole")
    monkeypatch.setattr(loader, "BATCH", 4)
    load(database, file, "in batches")
    assert stored(database, "in batches") == stored(database, "whole")
    assert {row[4] for row in stored(database, "whole")} == {2}


def test_another_file_adds_to_the_dataset(database: connection, tmp_path: Path) -> None:
    first = written(tmp_path / "f.csv", (1, "Why?", "", "first"))
    second = written(tmp_path / "g.csv", (1, "Why?", "", "other"), (1, "How?", "", "so"))
    for file in (first, second, first, second):
        load(database, file)
    assert sorted(stored(database)) == [("How?", "so", 1, 2, 0), ("Why?", "first", 1, 1, 1)]


def test_bad_rows_go_to_the_side_file_with_line_and_reason(database: connection, tmp_path: Path) -> None:
    file = tmp_path / "mixed.csv"
    file.write_bytes(b'"1","Good?","","x"\n"11","Bad?","","x"\n"1","caf\xe9","","x"\n"1","open,"","x"\n"2","Good too?","","y"\n')
    loaded = load(database, file)
    assert (loaded.rows, loaded.rejected, loaded.rejected_file) == (2, 3, tmp_path / "mixed.rejected.csv")
    assert [row[0] for row in stored(database)] == ["Good?", "Good too?"]
    with (tmp_path / "mixed.rejected.csv").open(newline="", encoding="utf-8") as side_file:
        rows = list(csv.reader(side_file))
    assert rows[0] == ["line_number", "reason", "row"]
    assert [row[0] for row in rows[1:]] == ["2", "3", "4"]
    assert [row[1][:12] for row in rows[1:]] == ["the class is", "not UTF-8: i", "the quotes a"]
    assert rows[1][2] == '"11","Bad?","","x"'


def test_a_corrected_file_leaves_no_side_file(database: connection, tmp_path: Path) -> None:
    file = written(tmp_path / "f.csv", (11, "Why?", "", "x"), (1, "How?", "", "x"))
    load(database, file)
    assert (tmp_path / "f.rejected.csv").exists()
    load(database, written(file, (1, "Why?", "", "x"), (1, "How?", "", "x")))
    assert not (tmp_path / "f.rejected.csv").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read"),
        (b"", "is empty"),
        (b"\n\n", "only blank lines"),
        (b"class,title\n1,2\n", "no row in the Yahoo format.* line 1: 4 fields"),
        (b"\x1f\x8b\x08\x00 not a CSV at all \x00\x01\x02", "no row in the Yahoo format"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_clear_error(database: connection, tmp_path: Path, content: bytes | None, message: str) -> None:
    file = tmp_path / "f.csv"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UserError, match=message):
        load(database, file)
    assert stored(database) == []


def test_a_folder_is_no_file(database: connection, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        load(database, tmp_path)


def test_a_side_file_that_cannot_be_written_stops_the_load_before_anything_is_stored(database: connection, tmp_path: Path) -> None:
    file = written(tmp_path / "f.csv", (1, "How?", "", "x"), (11, "Why?", "", "x"))
    with pytest.raises(UserError, match="--rejected"):
        load(database, file, rejected=file / "no folder")
    assert stored(database) == []


def test_the_same_file_loaded_by_two_at_once_is_loaded_once(database: connection, url: str, tmp_path: Path) -> None:
    file = written(tmp_path / "f.csv", *((1, f"Question {number}?", "", "x") for number in range(3000)))

    def one(folder: str) -> Loaded:
        opened = psycopg2.connect(url)
        try:
            (tmp_path / folder).mkdir()
            return load(opened, file, rejected=tmp_path / folder)
        finally:
            opened.close()

    with ThreadPoolExecutor(2) as threads:
        loads = list(threads.map(one, ["a", "b"]))
    assert sorted(each.questions for each in loads) == [0, 3000]
    assert len(stored(database)) == 3000


def test_the_sample_that_ships_loads_whole(database: connection, tmp_path: Path) -> None:
    loaded = load(database, ROOT / "data" / "sample.csv", rejected=tmp_path)
    assert loaded.rejected == 0
    assert loaded.questions >= 150
    assert sum(int(str(row[4])) for row in stored(database)) == loaded.repeated == 1


@pytest.mark.skipif(not REAL_ROWS.exists(), reason="the real rows are not here")
def test_real_rows_load_whole(database: connection, tmp_path: Path) -> None:
    loaded = load(database, REAL_ROWS, rejected=tmp_path)
    assert (loaded.rows, loaded.rejected) == (4112, 0)
    assert loaded.questions + loaded.repeated == 4112
