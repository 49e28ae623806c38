"""The model server: what the loop asks of it, whichever it is.

server     the protocol and the neutral reply that every server fills
servers    which server the settings name, the one place where a new one is entered; auto: asks which it is
ollama     Ollama: its paths, its fields, its words; openai: the same of OpenAI-compatible servers
http       one bounded call to a server that speaks HTTP and JSON
outcome    what a reply means: one table
installed  which models the server has, asked rarely
simulated  whether it is the simulator
"""
