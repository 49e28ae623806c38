-- Questions of a dataset that have a reference, drawn evenly by a seed: the same ones wherever it is loaded. With each, a reference that
-- another dataset gives for the same question, if it differs.
SELECT drawn.question_text AS text, drawn.original_answer AS reference, drawn.topic, (
    SELECT other.original_answer
    FROM dataset_questions AS other
    WHERE other.text_hash = drawn.text_hash AND other.dataset <> %(dataset)s AND btrim(other.original_answer) <> ''
      AND btrim(other.original_answer) <> btrim(drawn.original_answer)
    ORDER BY other.dataset LIMIT 1
) AS other_reference
FROM (
    SELECT text_hash, question_text, original_answer, topic
    FROM dataset_questions
    WHERE dataset = %(dataset)s AND btrim(original_answer) <> ''
    ORDER BY md5(text_hash::text || %(seed)s), text_hash
    LIMIT %(most)s
) AS drawn
ORDER BY md5(drawn.text_hash::text || %(seed)s), drawn.text_hash
