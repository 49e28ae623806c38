"""A stand-in for a model server, with faults that can be switched.

`app` is the server, `protocol` what it takes and gives as Ollama does and `openai` as OpenAI does, `wire` how a reply breaks on its way.
`model` decides each call, purely: `faults` go wrong, `answers` and `corpus` go right, `draw` makes both depend on the question alone.
`slots` bound what it does at once; `stats` and `calls` say what it did.
"""
