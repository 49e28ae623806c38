"""The model consumer: a question in, the message that reports its model call out.

`consumer` is the step. `gate` lets calls through while the model is available, `limit` says how many may be under way, `turns` whose turn
it is. `messages` makes the message of what came of a call.
"""
