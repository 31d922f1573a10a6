"""Many questions, a few at a time: questions line by line in, answers as JSON lines out as they come.

    python batch.py < questions.txt > answers.jsonl

For a file that an interrupted batch goes on with there is ``ossifrage batch``.
"""

import asyncio
import json
import sys
from collections.abc import Sequence

from ossifrage import Assistant, Limits, OssifrageError

AT_A_TIME = 4
"""What the model's server can do at once; more would only wait there."""
LIMITS = Limits(steps=12, seconds=300)


async def row(assistant: Assistant, question: str) -> dict[str, object]:
    """One question's row; an error is a row, too, and ends no other."""
    try:
        result = await assistant.run(question, limits=LIMITS)
    except OssifrageError as error:
        return {"question": question, "error": str(error)}
    sources = sorted({citation.source for citation in result.citations if citation.verified})
    return {
        "question": question,
        "answer": result.text,
        "sources": sources,
        "stop_reason": result.stop_reason,
        "trace_id": result.trace_id,
    }


async def answer_all(assistant: Assistant, questions: Sequence[str]) -> None:
    """Print a row as soon as there is one."""
    free = asyncio.Semaphore(AT_A_TIME)

    async def answer(question: str) -> None:
        async with free:
            print(json.dumps(await row(assistant, question), ensure_ascii=False), flush=True)

    async with asyncio.TaskGroup() as group:
        for question in questions:
            group.create_task(answer(question))


async def main(questions: Sequence[str]) -> None:
    """One assistant for all of them."""
    async with Assistant() as assistant:
        await answer_all(assistant, questions)


if __name__ == "__main__":
    asyncio.run(main([line.strip() for line in sys.stdin if line.strip()]))
