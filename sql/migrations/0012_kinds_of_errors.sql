-- What kind of overload a call met, and how long the error before an attempt lay in its topic.
-- depends: 0010_callbacks

ALTER TABLE attempts
    ADD COLUMN error_kind text, -- http_503, http_429, http_500, deadline, broken_reply, reset; null: no overload, or not told
    ADD COLUMN error_pickup_ms double precision; -- until its retry consumer took it; null: the attempt follows no error, or not told
