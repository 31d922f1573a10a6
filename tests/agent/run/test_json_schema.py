from __future__ import annotations

import pytest

from ossifrage.agent.errors import UsageError
from ossifrage.agent.run.json_schema import validator_of


def test_a_pattern_is_held_against_a_text() -> None:
    check = validator_of({"type": "object", "properties": {"id": {"pattern": "^[a-z]{2}$"}}})
    assert check({"id": "ab"}) == {"id": "ab"}
    assert check({"id": 7}) == {"id": 7}  # as the specification has it: of texts alone
    with pytest.raises(ValueError, match=r"\$\.id: 'abc' does not match"):
        check({"id": "abc"})


def test_a_pattern_that_never_ends_is_given_up() -> None:
    """Python's own ``re`` hangs, and the server with it."""
    with pytest.raises(ValueError, match="takes too long"):
        validator_of({"pattern": r"^(a|aa)+$"})("a" * 60 + "!")


@pytest.mark.parametrize("pattern", ["(", "(?<=a+)b"])
def test_what_is_no_pattern(pattern: str) -> None:
    with pytest.raises(UsageError, match="regex"):
        validator_of({"pattern": pattern})
