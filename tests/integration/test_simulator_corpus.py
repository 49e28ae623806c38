"""The simulator's answers come from the corpus that the loader put into PostgreSQL."""

from uuid import uuid4

import psycopg2
import pytest

from streaming import settings
from streaming.identity import question_id
from streaming.simulator.corpus import CsvCorpus, DatabaseCorpus

pytestmark = pytest.mark.integration

NOBODY = "postgresql://answerloop@127.0.0.1:9/answerloop"


@pytest.fixture
def loaded():
    """A question with a reference in a dataset of its own."""
    text, dataset = f"Why is {uuid4()} blue?", f"test-{uuid4()}"
    with psycopg2.connect(settings.load().owner_url) as connection, connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO dataset_questions (dataset, text_hash, question_text, original_answer, line_number) VALUES (%s, %s, %s, %s, 1)",
            (dataset, str(question_id("", text)), text, "Because of the air."),
        )
    yield text
    with psycopg2.connect(settings.load().owner_url) as connection, connection.cursor() as cursor:
        cursor.execute("DELETE FROM dataset_questions WHERE dataset = %s", (dataset,))


async def test_a_reference_is_found_however_the_question_is_spaced_or_cased(loaded):
    corpus = DatabaseCorpus(settings.load().database_url, CsvCorpus([]))
    assert await corpus.reference(f"  {loaded.upper()} ") == "Because of the air."
    assert await corpus.reference("never loaded") is None


async def test_without_a_database_the_files_answer(tmp_path):
    file = tmp_path / "corpus.csv"
    file.write_text('"1","Why?","Really\\nwhy?","Because."\n"bad row"\n')
    corpus = DatabaseCorpus(NOBODY, CsvCorpus([file]))
    assert await corpus.reference("why? really why?") == "Because."
    assert await corpus.reference("unknown") is None
