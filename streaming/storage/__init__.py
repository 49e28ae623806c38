"""Where questions are claimed and answers kept: the API and the persister.

The API: `api` builds it from `parts`; `routes` takes what `schemas` describes, `states` says where a question is, `waiting` holds long
polls, `limits` refuses. Behind it `questions` claims, `enqueuer` follows with Kafka, `repository` and `cache` read, `timeline` tells all
of one, `replay` and `stuck` ask again; `callbacks`, `webhook` and `callback_http` tell whoever asked.
The persister: `persister` is its step, `effects` says which rows a message makes, purely, and `outcomes` writes a batch of them.
"""
