"""An answer in types of your own: a list of facts, each with its proof, or a word that there is nothing.

    python own_output_type.py "What do the documents say about diet?"

The type checker knows the result's type, and the citations in it are checked as those of an ``Answer``.
"""

import sys

from pydantic import BaseModel, Field

from ossifrage import Assistant, Citation


class Fact(BaseModel):
    """The model reads these names and descriptions."""

    subject: str
    statement: str = Field(description="one sentence")
    proof: list[Citation] = Field(min_length=1)


class Nothing(BaseModel):
    """What is said where the documents do not say."""

    searched_for: list[str]


def main(question: str) -> None:
    """Print one fact a line."""
    with Assistant(output_type=list[Fact] | Nothing) as assistant:
        result = assistant.run_sync(question)
    if result.partial:
        sys.exit(f"Not finished: {result.stop_reason}. {result.text}")
    match result.output:
        case Nothing(searched_for=words):
            print("Nothing found for", ", ".join(words))
        case facts:
            for fact in facts:
                sign = "✓" if all(citation.verified for citation in fact.proof) else "?"
                places = ", ".join(f"{place.source}:{place.start_line}" for place in fact.proof)
                print(f"{sign} {fact.subject}: {fact.statement} ({places})")


if __name__ == "__main__":
    main(sys.argv[1])
