"""What a run has to show: an answer, or as much of one as there is."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from ...tools.pages import PageStack
from ..answer import Answer, Citation
from .citations import Numbering, check_citations
from .output import as_text
from .partial import Form, PartialMessage
from .sample import Sample

__all__ = ["Draft", "cut_off", "in_prose", "readable", "whole"]

_NOTHING_SAID = "The sources do not say."
"""For people, where an answer has no text and names what is missing."""


@dataclass(frozen=True, kw_only=True)
class Draft:
    """An answer with its citations checked."""

    sample: Sample
    """Where it was written."""
    output: Any
    """None where it was cut off."""
    text: str
    """For people."""
    citations: tuple[Citation, ...]
    unstructured: bool = False
    not_found: bool = False
    """The sources do not say."""
    remembered: str | None = None
    """What the conversation holds of it; None: the model's own message."""


def whole(sample: Sample, output: Any, pages: PageStack) -> Draft:
    """An output of the type that was asked for."""
    blank = isinstance(output, Answer) and not output.answer.strip()
    if blank:
        output = output.model_copy(update={"answer": _NOTHING_SAID})
    output, citations = check_citations(output, pages)
    found = any(citation.verified for citation in citations) and not blank
    missing = isinstance(output, Answer) and any(part.strip() for part in output.missing)
    return Draft(
        sample=sample,
        output=output,
        text=as_text(output),
        citations=citations,
        not_found=missing and not found,
    )


def in_prose(sample: Sample, text: str, pages: PageStack) -> Draft:
    """Prose where an Answer was wanted: the citations are those of its markers that can be verified."""
    numbering = Numbering(pages, verified_only=True)
    text = numbering.answer(text).strip()
    citations = numbering.citations
    return Draft(
        sample=sample,
        output=Answer(answer=text, citations=list(citations)),
        text=text,
        citations=tuple(citations),
        unstructured=True,
    )


def cut_off(sample: Sample, partial: PartialMessage, form: Form, pages: PageStack) -> Draft:
    """The beginning of an answer."""
    numbering = Numbering(pages, verified_only=form == "answer" and not partial.is_json)
    text = remembered = partial.text
    if partial.is_json:
        value = {"answer": text} if form == "answer" else partial.value
        remembered = json.dumps(value, ensure_ascii=False)
        text = text if form == "answer" else json.dumps(value, ensure_ascii=False, indent=2)
    text = numbering.answer(text) if form == "answer" else numbering.numbered(text)
    return Draft(
        sample=sample, output=None, text=text, citations=tuple(numbering.citations), remembered=remembered
    )


def readable(text: str) -> tuple[str, bool]:
    """What people can read in a message that is no valid Answer, and whether it was written as prose."""
    message = PartialMessage.of("answer", text)
    if message.answer.strip():
        return message.text, message.is_prose
    return text if message.is_prose else "", message.is_prose
