"""A tool that waits for somebody's word: the run is kept on the disk, and goes on after a restart.

    python approval.py ask "What does the bearded vulture eat? Tell Bob."
    python approval.py approve CALL
    python approval.py reject CALL "Bob is on holiday."

The first prints what waits and what each CALL is named. A call that is rejected is not made, and the model is
told why.
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from agents import function_tool

from ossifrage import Assistant, Result, UsageError

WAITING = Path("waiting.json")


@function_tool(needs_approval=True)
def send(to: str, text: str) -> str:
    """Send a message to somebody.

    Args:
        to: whom.
        text: the whole message.
    """
    print(f"To {to}: {text}")
    return f"sent to {to}"


def keep(state: str) -> None:
    """Write the state down. It holds what the model thought: nobody else reads it."""
    WAITING.touch(mode=0o600)
    WAITING.write_text(state, encoding="utf-8")


def show(result: Result) -> None:
    """Print the answer, or what the run waits for."""
    if result.state is None:
        print(result.text)
    else:
        keep(result.state)
    for call in result.pending:
        print(f"{call.call_id} waits: {call.tool} {call.arguments}")


def decide(assistant: Assistant, approve: Sequence[str] = (), reject: Mapping[str, str] = {}) -> None:
    """Go on. The state is taken away first: whoever approves twice does not send twice."""
    state = WAITING.read_text(encoding="utf-8")
    WAITING.unlink()
    try:
        show(assistant.resume_sync(state, approve=approve, reject=reject))
    except UsageError:  # there is no such call: nothing was done
        keep(state)
        raise


def main(step: str, words: str, reason: str = "No.") -> None:
    """One of the three steps."""
    with Assistant(tools=[send]) as assistant:
        match step:
            case "ask":
                show(assistant.run_sync(words))
            case "approve":
                decide(assistant, approve=[words])
            case "reject":
                decide(assistant, reject={words: reason})
            case _:
                sys.exit(__doc__)


if __name__ == "__main__":
    main(*sys.argv[1:])
