-- Mean time in each stage of the scope's own trips that were answered, by the time the answer was stored; all their attempts count.
WITH RECURSIVE again AS (
    -- Replays, and what was sent again in their place.
    SELECT submission_id FROM submissions
    WHERE kind = 'replay' AND submitted_at < %(until)s::timestamptz AND (%(run_id)s::text IS NULL OR run_id = %(run_id)s)
    UNION ALL
    SELECT s.submission_id FROM submissions s JOIN again ON s.follows = again.submission_id WHERE s.kind = 'requeue'
), mine AS (
    SELECT a.submission_id, a.waited_ms, a.stored_at - a.scored_at AS store
    FROM answers a LEFT JOIN submissions s ON s.submission_id = a.submission_id
    WHERE a.stored_at >= %(since)s::timestamptz AND a.stored_at < %(until)s::timestamptz
      AND (%(run_id)s::text IS NULL OR s.run_id = %(run_id)s)
      AND NOT EXISTS (SELECT FROM again WHERE again.submission_id = a.submission_id)
), times AS (
    SELECT mine.submission_id, min(mine.waited_ms) AS waiting, min(mine.store) AS store,
           sum(c.llm_started_at - c.enqueued_at) AS queue,
           sum(c.llm_finished_at - c.llm_started_at) AS model,
           sum(c.scored_at - c.llm_finished_at) AS scoring
    FROM mine LEFT JOIN attempts c ON c.submission_id = mine.submission_id AND (%(run_id)s::text IS NULL OR c.run_id = %(run_id)s)
    GROUP BY mine.submission_id
)
SELECT avg(extract(epoch FROM queue) * 1000)::float8 AS queue_ms,
       avg(extract(epoch FROM model) * 1000)::float8 AS model_ms,
       avg(extract(epoch FROM scoring) * 1000)::float8 AS scoring_ms,
       avg(waiting) AS waiting_ms,
       avg(extract(epoch FROM store) * 1000)::float8 AS store_ms
FROM times
