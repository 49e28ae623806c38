-- What the sampler sees of Kafka and Flink: raw for 7 days, Kafka's by the hour after.
-- depends: 0001_loop

CREATE TABLE kafka_samples (
    time             timestamptz NOT NULL,
    topic            text        NOT NULL,
    partition        integer     NOT NULL,
    "group"          text        NOT NULL, -- empty for a topic that nobody consumes
    end_offset       bigint      NOT NULL,
    committed_offset bigint,               -- null: the group has never committed
    lag              bigint      NOT NULL,
    PRIMARY KEY (topic, partition, "group", time)
);
CREATE INDEX kafka_samples_by_time ON kafka_samples (time);

CREATE TABLE kafka_samples_hourly (
    hour             timestamptz      NOT NULL,
    topic            text             NOT NULL,
    partition        integer          NOT NULL,
    "group"          text             NOT NULL,
    samples          integer          NOT NULL,
    end_offset       bigint           NOT NULL, -- at the end of the hour
    committed_offset bigint,
    average_lag      double precision NOT NULL,
    largest_lag      bigint           NOT NULL,
    PRIMARY KEY (topic, partition, "group", hour)
);

CREATE TABLE flink_samples (
    time   timestamptz      NOT NULL,
    metric text             NOT NULL,
    value  double precision NOT NULL,
    PRIMARY KEY (metric, time)
);
CREATE INDEX flink_samples_by_time ON flink_samples (time);
