"""A check of schemathesis: whatever is asked, the answer is no fault, and every error has a code and a trace."""

import schemathesis
from schemathesis import Case, CheckContext, Response

FAULTS = ("INTERNAL", "UNAVAILABLE", "TIMED_OUT")


@schemathesis.check
def every_error_is_coded(ctx: CheckContext, response: Response, case: Case) -> None:
    """An expected refusal of a field is an answer; schemathesis' own check takes any error for the server's fault."""
    assert response.status_code < 500, "a fault by its status"
    answer = response.json()
    assert "data" in answer or "errors" in answer, "neither data nor errors"
    for error in answer.get("errors", ()):
        assert error["extensions"]["code"] not in FAULTS, f"a fault: {error}"
        assert error["extensions"]["trace"], "no trace"
