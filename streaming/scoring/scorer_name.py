"""What a scorer is called beside its scores."""

from importlib.metadata import version


def scorer_name(model: str, layers: int) -> str:
    """What is recorded beside each score: scores of different names cannot be compared."""
    return f"{model} layer {layers} bert_score {version('bert-score')}"
