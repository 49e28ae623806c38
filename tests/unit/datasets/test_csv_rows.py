"""What a row of the Yahoo format says, and which rows are refused for which reason."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming.datasets.csv_rows import MAX_LINE_BYTES, Rejected, Row, decode_text, read_rows
from streaming.identity import question_id

SAMPLE = Path(__file__).parents[3] / "data" / "sample.csv"


def rows_of(text: str | bytes) -> list[Row | Rejected]:
    return list(read_rows(io.BytesIO(text.encode() if isinstance(text, str) else text)))


def only_row(text: str | bytes) -> Row:
    (row,) = rows_of(text)
    assert isinstance(row, Row), row
    return row


def only_reason(text: str | bytes) -> str:
    (row,) = rows_of(text)
    assert isinstance(row, Rejected), row
    assert row.line_number == 1
    return row.reason


def test_a_row_becomes_a_question_with_its_content_after_a_newline() -> None:
    row = only_row('"9","What makes friendship click?","How does the spark keep going?","good talk"\n')
    assert row == Row(1, 9, "What makes friendship click?\nHow does the spark keep going?", "good talk")


def test_empty_content_leaves_the_title_alone() -> None:
    assert only_row('"4","What did it climb?","","waterspout"').question_text == "What did it climb?"


@pytest.mark.parametrize("blank", ["", "   ", r"\n\n", "<br />", "&nbsp;"])
def test_a_blank_answer_is_no_reference(blank: str) -> None:
    assert only_row(f'"4","Title?","","{blank}"').original_answer is None


@pytest.mark.parametrize("word", ["NA", "None", "null", "nan", "N/A", "NULL"])
def test_words_that_look_like_missing_values_stay_text(word: str) -> None:
    row = only_row(f'"4","{word}","{word}","{word}"')
    assert (row.question_text, row.original_answer) == (f"{word}\n{word}", word)


@pytest.mark.parametrize(
    ("field", "text"),
    [
        (r"one\ntwo\n\nthree", "one\ntwo\n\nthree"),
        ("one<br />two<BR>three<br/>four", "one\ntwo\nthree\nfour"),
        ("R&amp;B &lt;3 &quot;x&quot; &#39;y&#39; &#x263A;", "R&B <3 \"x\" 'y' ☺"),
        ("AT&T, &copy or &notit stay: no semicolon", "AT&T, &copy or &notit stay: no semicolon"),
        ("&lt;br /&gt; is what he typed", "<br /> is what he typed"),
        ("&#0; and &#xD800; cannot be stored", "\ufffd and \ufffd cannot be stored"),
        ("  ends are stripped\\n", "ends are stripped"),
        ("¿Qué es la ﬁlosofía? 花見", "¿Qué es la ﬁlosofía? 花見"),
    ],
)
def test_texts_are_decoded(field: str, text: str) -> None:
    assert decode_text(field) == text


def test_doubled_quotes_are_one_quote() -> None:
    assert only_row('"5","What does ""e.g."" mean?","","It means ""for example""."').question_text == 'What does "e.g." mean?'


def test_the_hash_is_that_of_the_normalised_text() -> None:
    row = only_row('"2","  why is the SKY","blue? ","x"')
    assert row.text_hash == question_id("", "Why is the sky blue?")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ('"1","a","b"', "this row has 3"),
        ('"1","a","b","c","d"', "this row has 5"),
        ("no csv at all", "this row has 1"),
        ('"0","a","b","c"', "the class is '0'"),
        ('"11","a","b","c"', "the class is '11'"),
        ('"x","a","b","c"', "the class is 'x'"),
        ('"²","a","b","c"', "the class is '²'"),
        ('"class","title","content","answer"', "the class is 'class'"),
        ('"1","","b","c"', "the title is empty"),
        ('"1"," \\n ","b","c"', "the title is empty"),
        ('"1","a\0","b","c"', "NUL"),
        ('"1","' + "a" * 8001 + '","","c"', "the question has 8,001 characters"),
        ('"1","' + "a" * 4000 + '","' + "b" * 4000 + '","c"', "the question has 8,001 characters"),
        ('"1","a","","' + "c" * 8001 + '"', "the answer has 8,001 characters"),
        ('"1","a","b","c', "the quotes are not balanced"),
        ('"1","a"b,"b","c"', "not CSV"),
        (b'"1","caf\xe9","b","c"', "not UTF-8"),
        (b"x" * (MAX_LINE_BYTES * 2 + 5) + b"\n", "longer than"),
    ],
)
def test_a_bad_row_is_refused_with_its_reason(row: str | bytes, reason: str) -> None:
    assert reason in only_reason(row)


def test_a_question_of_exactly_the_longest_length_is_taken() -> None:
    assert len(only_row('"1","' + "a" * 8000 + '","","c"').question_text) == 8000


def test_an_unbalanced_quote_swallows_no_other_row() -> None:
    first, second, third = rows_of('"1","good","","x"\n"2","bad,"","x"\n"3","good too","","x"\n')
    assert isinstance(first, Row)
    assert isinstance(second, Rejected)
    assert second.line_number == 2
    assert isinstance(third, Row)
    assert third.line_number == 3


def test_a_real_newline_in_quotes_belongs_to_the_text() -> None:
    first, second = rows_of('"1","one","","line one\r\nline two"\n"2","two","","x"\n')
    assert isinstance(first, Row)
    assert first.original_answer == "line one\nline two"
    assert isinstance(second, Row)
    assert second.line_number == 3


def test_blank_lines_windows_endings_and_a_byte_order_mark_are_taken() -> None:
    rows = rows_of('\ufeff"1","one","","x"\r\n\r\n"2","two","","y"\r\n')
    assert [(row.line_number, row.question_text, row.original_answer) for row in rows if isinstance(row, Row)] == [
        (1, "one", "x"),
        (3, "two", "y"),
    ]


def test_rows_after_an_endless_line_are_read() -> None:
    first, second = rows_of(b"x" * (MAX_LINE_BYTES * 2 + 5) + b'\n"1","one","","x"\n')
    assert isinstance(first, Rejected)
    assert isinstance(second, Row)
    assert second.line_number == 2


TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=60)


@given(st.lists(st.tuples(st.integers(1, 10), TEXT.filter(str.strip), TEXT, TEXT), max_size=8))
def test_every_written_row_is_read_or_refused(rows: list[tuple[int, str, str, str]]) -> None:
    file = io.StringIO()
    csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
    assert len(rows_of(file.getvalue())) == len(rows)


@given(st.binary(max_size=300))
def test_no_file_breaks_the_reader(content: bytes) -> None:
    for row in rows_of(content):
        assert row.line_number >= 1


def test_the_sample_that_ships_is_good_and_varied() -> None:
    with SAMPLE.open("rb") as stream:
        rows = list(read_rows(stream))
    good = [row for row in rows if isinstance(row, Row)]
    assert len(good) == len(rows) >= 160
    assert {row.topic for row in good} == set(range(1, 11))
    assert len({row.text_hash for row in good}) < len(good)
    lengths = [len((row.original_answer or "").split()) for row in good]
    assert min(lengths) <= 3
    assert max(lengths) >= 100
    words = " ".join(row.original_answer or "" for row in good).split()
    assert {"NA", "None."} <= set(words)
    assert any(not (row.original_answer or "").isascii() for row in good)
