"""The model server: what the loop asks of it, whichever it is.

`server` is the protocol, with the neutral reply that every server fills; `servers` says which one the settings name: the one place where a
new one is entered. `ollama` and `openai` are two APIs: paths, fields, words; `prompted` is what they share, over the bounded calls of
`http`. `auto` asks a server which of them it speaks. `outcome` says what a reply means, in one table; `installed` which models the server
has, asked rarely; `simulated` whether it is the simulator.
"""
