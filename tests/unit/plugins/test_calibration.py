"""Calibrating from Airflow: the form, and what its users read."""

import logging
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from answerloop_airflow import calibration
from streaming.calibration.plan import CalibrationPlan


@pytest.mark.parametrize("name", ["pairs", "seed"])
def test_bounds_and_defaults_of_the_form_are_the_plans(name: str) -> None:
    field, schema = calibration.FORM[name], CalibrationPlan.model_json_schema()["properties"][name]
    assert field.resolve() == schema["default"]
    assert field.schema["minimum"] == schema["minimum"]
    assert field.schema["maximum"] == schema.get("maximum", schema.get("exclusiveMaximum", 0) - 1)


def test_the_form_has_the_plans_fields() -> None:
    assert calibration.FORM.keys() == CalibrationPlan.model_fields.keys()


@pytest.mark.parametrize(
    ("field", "value"), [("dataset", ""), ("dataset", "two\nlines"), ("pairs", 1), ("pairs", 10**9), ("seed", -1), ("seed", "x")]
)
def test_a_value_out_of_range_is_one_sentence(caplog: pytest.LogCaptureFixture, field: str, value: object) -> None:
    fields: dict[str, Any] = {"dataset": "sample", "pairs": 100, "seed": 1, field: value}
    with pytest.raises(AirflowFailException, match=rf"^This calibration cannot be run: {field}="):
        calibration.calibrate(**fields)
    (said,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert said.exc_info is None
    assert said.getMessage().startswith(f"This calibration cannot be run: {field}={value!r}: ")
