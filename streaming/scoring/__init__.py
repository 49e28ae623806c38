"""How good an answer is, measured against a human reference.

scorer       the protocol that every scorer fills
scorers      which scorer the settings name: the one place where a new one is entered
bertscore    BERTScore, as light as a name until it is loaded
matching     its arithmetic, model its network, packing and recent what makes it fast
"""
