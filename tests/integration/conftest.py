"""These tests use the real components, at the addresses in ANSWERLOOP_* variables."""

from tests.stack import the_stack_is_named

__all__ = ["the_stack_is_named"]
