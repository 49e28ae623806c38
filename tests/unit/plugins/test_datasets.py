"""Loading a dataset from Airflow."""

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from answerloop_airflow import datasets
from streaming.datasets import load as loader
from streaming.datasets.load import Loaded
from streaming.postgres import connect as postgres


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What the loader was asked to load: (path, dataset, folder for rejected rows)."""
    calls: list[tuple[Any, ...]] = []

    def load_file(path: Path, dataset: str, _: Any, rejected: Path, advance: Any) -> Loaded:
        calls.append((path, dataset, rejected))
        advance(1)
        return Loaded(dataset, 3, 2, 1, rejected / "x.rejected.csv")

    monkeypatch.setattr(postgres, "connected", lambda _: nullcontext())
    monkeypatch.setattr(loader, "load_file", load_file)
    return calls


def test_a_relative_path_starts_in_the_projects_folder_and_names_the_dataset(asked: list[tuple[Any, ...]]) -> None:
    loaded = datasets.load("data/sample.csv", None)
    root = Path(__file__).parents[3]
    assert asked == [(root / "data" / "sample.csv", "sample", root / "data")]
    assert loaded == {
        "dataset": "sample",
        "rows": 3,
        "questions": 2,
        "rejected": 1,
        "rejected_file": str(root / "data" / "x.rejected.csv"),
    }


def test_rejected_rows_of_a_folder_that_cannot_be_written_go_to_airflows_home(
    asked: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    monkeypatch.setattr(datasets.os, "access", lambda *_: False)
    datasets.load("/read-only/questions.csv", "mine")
    assert asked == [(Path("/read-only/questions.csv"), "mine", tmp_path / "rejected")]
    assert (tmp_path / "rejected").is_dir()


@pytest.mark.parametrize("name", ["", "two\nlines", "x" * 201])
def test_a_name_that_no_dataset_can_have_is_refused(asked: list[tuple[Any, ...]], name: str, tmp_path: Path) -> None:
    path = str(tmp_path / "questions.csv") if name else f"{tmp_path}/\n.csv"
    with pytest.raises(AirflowFailException, match="cannot be a dataset's name: give one of 1 to 200 printable characters"):
        datasets.load(path, name or None)
    assert asked == []
