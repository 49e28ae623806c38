-- Where a dataset's questions were asked lately.
SELECT answer_set FROM traffic_runs WHERE dataset = %(dataset)s GROUP BY answer_set ORDER BY max(started_at) DESC LIMIT %(most)s
