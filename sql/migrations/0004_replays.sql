-- Which replay of failures asked a question again.
-- depends: 0003_reports

ALTER TABLE submissions ADD COLUMN replay_id text; -- of a replay and of what was sent again in its place; null: asked again by itself
CREATE INDEX submissions_by_replay ON submissions (replay_id) WHERE replay_id IS NOT NULL;
