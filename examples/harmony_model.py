"""Only the model: gpt-oss in an app on the OpenAI Agents SDK, with the app's own tools and no knowledge base.

    python harmony_model.py http://127.0.0.1:8000 "How many days are there until 24 December?"

The address is that of a vLLM; ``open_engine`` knows the others, too, and ``HarmonyProvider`` finds the server
by itself.
"""

import asyncio
import sys
from datetime import date

from agents import Agent, ModelSettings, RunConfig, Runner, function_tool
from openai.types.responses import ResponseTextDeltaEvent
from openai.types.shared import Reasoning

from ossifrage import HarmonyModel, open_engine


@function_tool
def days_until(day: date) -> int:
    """Count the days from today on."""
    return (day - date.today()).days


async def main(address: str, question: str) -> None:
    """Print the answer as it is written; what the model thinks is in events of its own."""
    model = HarmonyModel(await open_engine("vllm", base_url=address))
    agent = Agent[None](
        name="Calendar",
        instructions=f"Be brief. Today is {date.today():%A, %d %B %Y}.",
        model=model,
        model_settings=ModelSettings(reasoning=Reasoning(effort="low")),
        tools=[days_until],
    )
    try:
        quiet = RunConfig(tracing_disabled=True)  # else the SDK uploads what was said
        run = Runner.run_streamed(agent, question, run_config=quiet)
        async for event in run.stream_events():
            if event.type == "raw_response_event" and isinstance(event.data, ResponseTextDeltaEvent):
                print(event.data.delta, end="", flush=True)
        print()
    finally:
        await model.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
