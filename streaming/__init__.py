"""The loop: what its processes are made of, and the commands that start them.

`contracts`, `identity`, `retry_policy`, `topics`: messages, ids, when a question is asked again; `errors`: what can go wrong, by what
follows. `services`: a row for each process, `metrics`: what each shows, `settings` and `logs`: how a process begins, `service`: the shell
around one that consumes. A room for each of them: `llm` asks the model, `retries` asks again, `storage` claims and stores, `sampler` looks
on, `simulator` stands in for a model; `kafka` is the door to Kafka, `scoring` the one to the scorer. `traffic`, `reports` and `replays` are
for people: `plans` and `options` make their forms and commands.
"""
