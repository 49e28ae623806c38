"""A name as everybody takes it: the API, plans, forms and commands. Of a model, a dataset, an answer set, a run, a replay."""

from typing import Annotated

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from streaming.errors import UserError

MAX_CHARACTERS = 200


def _readable(value: str) -> str:
    if not value.strip() or not value.isprintable():
        raise ValueError("must be printable and not blank")
    return value


Name = Annotated[
    str,
    # The pattern is for those who read the schema, such as a form: it tells in advance what most mistakes are.
    Field(min_length=1, max_length=MAX_CHARACTERS, json_schema_extra={"pattern": r"^[^\x00-\x1f\x7f]+$"}),
    AfterValidator(_readable),
]

_NAME: TypeAdapter[str] = TypeAdapter(Name)


def checked(name: str, of: str) -> str:
    """The name; raises UserError where it cannot be the name `of` that thing, such as "a run"."""
    try:
        return _NAME.validate_python(name)
    except ValidationError as err:
        raise UserError(f"{name!r} cannot be the name of {of}: give 1 to {MAX_CHARACTERS} printable characters, not all blank.") from err
