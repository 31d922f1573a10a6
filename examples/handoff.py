"""Agents of your own beside the assistant: one hands questions over to it, the other uses it as a tool.

    python handoff.py desk "What does the bearded vulture eat?"
    python handoff.py writer "Write a line for the newsletter about what the bearded vulture eats."

After a handoff the assistant has the last word: an ``Answer`` whose marks and citations are as the model
wrote them. As a tool it gives text with numbered sources that are checked, and your agent has the last word.
"""

import asyncio
import sys

from agents import Agent, RunConfig, Runner

from ossifrage import Answer, Assistant, Limits


def front_desk(assistant: Assistant) -> Agent[None]:
    """Talks to people, and hands what the documents may answer over."""
    return Agent(
        name="Front desk",
        instructions="You welcome people. Hand every question about birds over to Ossifrage.",
        handoffs=[assistant.agent],
    )


def newsletter_writer(assistant: Assistant) -> Agent[None]:
    """Writes, and asks the documents for what it has to know."""
    return Agent(
        name="Writer",
        instructions="You write for a newsletter, and say nothing that ask_documents did not tell you.",
        tools=[assistant.as_tool(limits=Limits(steps=8, seconds=120))],
    )


async def main(who: str, words: str) -> None:
    """Run one of the two."""
    async with Assistant() as assistant:
        agent = front_desk(assistant) if who == "desk" else newsletter_writer(assistant)
        agent.model = assistant.agent.model  # or any other model of the SDK
        quiet = RunConfig(tracing_disabled=True)  # else the SDK uploads what was said
        done = await Runner.run(agent, words, run_config=quiet)
    said = done.final_output
    print(f"{done.last_agent.name}: {said.answer if isinstance(said, Answer) else said}")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
