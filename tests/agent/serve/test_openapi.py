"""The API is what ``/openapi.json`` says: whatever that allows is answered, and as it says."""

# pyright: reportUnknownVariableType=false
from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from starlette.routing import Route

from fakes.served import Served, served
from ossifrage.agent.engines.engine import Chunk, Constraint, Sampling
from ossifrage.agent.harmony import load_encoding
from ossifrage.agent.serve.service import Service
from ossifrage.agent.settings import Settings
from ossifrage.tools.knowledge import KnowledgeBase

ANSWER = '<|channel|>final<|message|>{"answer":"Yes.","citations":[],"missing":[]}<|return|>'


class YesEngine:
    """Says yes to everybody."""

    context_window = 131_072
    name = "yes"
    model = "yes"
    constraint: Constraint = "none"

    async def generate(self, prompt: Sequence[int], sampling: Sampling) -> AsyncGenerator[Chunk, None]:
        del prompt, sampling
        yield Chunk(tokens=load_encoding().encode(ANSWER, allowed_special="all"))
        yield Chunk(finish_reason="stop")

    async def close(self) -> None:
        return


@pytest.fixture(scope="module")
def yes(birds: KnowledgeBase, tmp_path_factory: pytest.TempPathFactory) -> Generator[Served, None, None]:
    home: Path = tmp_path_factory.mktemp("yes")
    with served(Service(Settings(home=home), knowledge=birds, engine=YesEngine())) as running:
        yield running


@pytest.mark.slow
def test_whatever_the_description_allows_is_answered_as_it_says(yes: Served) -> None:
    import schemathesis  # takes two seconds
    from schemathesis import GenerationMode
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi.checks import (
        content_type_conformance,
        negative_data_rejection,
        response_schema_conformance,
        status_code_conformance,
    )

    checks: list[Any] = [
        not_a_server_error,
        status_code_conformance,
        content_type_conformance,
        response_schema_conformance,
        negative_data_rejection,
    ]
    schema: Any = schemathesis.openapi.from_dict(httpx.get(f"{yes.url}/openapi.json", timeout=60).json())
    asked = 0
    for result in schema.get_all_operations():
        operation: Any = result.ok()
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            if mode is GenerationMode.NEGATIVE and not operation.body:
                continue

            @settings(
                max_examples=3,
                derandomize=True,
                database=None,
                phases=[Phase.generate],
                suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
            )
            @given(case=operation.as_strategy(generation_mode=mode))
            def ask(case: Any) -> None:
                nonlocal asked
                asked += 1
                case.call_and_validate(base_url=yes.url, checks=checks)

            ask()
    assert asked > 30


def test_every_route_is_described(yes: Served) -> None:
    from ossifrage.agent.serve.api import routes

    description = httpx.get(f"{yes.url}/openapi.json", timeout=60).json()
    described = {
        (path, method.upper()) for path, methods in description["paths"].items() for method in methods
    }
    served_routes = {
        (route.path.replace(":path", ""), method)
        for route in routes(yes.service)
        if isinstance(route, Route)
        for method in (route.methods or set()) - {"HEAD"}
    }
    assert served_routes == described
