"""The door to Kafka.

Others see `client` (what a consumer, a producer and a record are); `confluent` and `producer` are that on librdkafka, `memory` in a test.
`consume` is the loop of every consuming service: it hands records to a step, and `offsets` says how far all is done, in whatever order.
`tasks` and `dead_letters` are for steps: one task a record, deliver until Kafka has it, bury. `reports` reads what librdkafka tells of
itself, `backlog` holds partitions back. `positions` reads how far groups are, `admin` makes topics, both over a `connection`; `places` are
librdkafka's as ours, `acls` says who may what, and `errors` what a code of Kafka's means.
"""
