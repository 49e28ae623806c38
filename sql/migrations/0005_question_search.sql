-- Questions by the words of their text.
-- depends: 0004_replays

-- Of the longest question that the API takes: of more, PostgreSQL might refuse to store the question for its words.
CREATE INDEX questions_by_words ON questions USING gin (to_tsvector('simple', left(question_text, 8000)));
