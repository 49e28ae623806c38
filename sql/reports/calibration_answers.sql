-- The newest answer of each model to these questions that was the first of its submission: retries keep the better ones only.
SELECT DISTINCT ON (question_id, model) question_id::text, model, llm_response AS answer, stored_at
FROM attempts
WHERE question_id = ANY(%(ids)s::uuid[]) AND retry_count = 0 AND outcome = 'success' AND model IS NOT NULL AND btrim(llm_response) <> ''
ORDER BY question_id, model, stored_at DESC
