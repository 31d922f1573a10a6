"""What to do next: search, follow a name, open a document, or answer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

from .answer import Composition, compose, failed, greeting, no_search, unclear
from .evidence import Evidence, Match, Selection
from .names import names, quoted_phrases
from .passages import Unit
from .prompt import Lookup, Prompt
from .question import Part, Question, read_question
from .terms import content_words, terms

__all__ = ["Answer", "Call", "Decision", "decide"]

_MOST_SEARCHES = 4
_MOST_CALLS = 8
_MOST_QUERIES = 5
"""Queries in one search; the function takes no more."""
_LONGEST_QUERY = 500
"""In characters; the function takes twice that."""
_TOP_K = 5
_TOP_K_OF_SEVERAL = 4
_TOP_K_FOLLOWED = 2
"""Passages asked for: with one query, for each of several, and for each name that is followed."""
_LEADS = 6
"""How many of the best sentences are read for names to follow."""
_LEAST_LEAD = 0.1
_LEAD_SHARE = 0.5
"""What a sentence has to score, as a share of the best, for its names to be followed."""
_MOST_MISSING = 5
"""Words of the question that go into a query beside a name."""
_MOST_FOLLOWED = 3
"""Queries in a search that follows something up."""
_LINES_TO_OPEN = 30
_LONGEST_LEAD = 8
"""In words."""
_LEAD = re.compile(r"(?!v\d)[^{}<>\[\]=:/\\#$|;]*[^\W\d_]{2}[^{}<>\[\]=:/\\#$|;]*")


@dataclass(frozen=True, kw_only=True)
class Call:
    """Call a function."""

    function: str
    arguments: dict[str, object]
    why: str


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Say what was found."""

    composition: Composition
    question: Question
    why: str


Decision = Call | Answer


def decide(prompt: Prompt) -> Decision:
    """Decide the next step from everything seen for this question; the same prompt gives the same step."""
    question = read_question(prompt.question, previous=prompt.previous)
    if question.unclear:
        return Answer(
            composition=unclear(), question=question, why="It is not said what the question is about."
        )
    if not question.parts:
        return Answer(
            composition=greeting(), question=question, why="Nothing is asked, so nothing is searched."
        )
    pages = prompt.pages
    can_search = "search" in prompt.functions and not prompt.closing
    if not prompt.lookups and can_search:
        queries = _first_queries(question)
        each = _TOP_K if len(queries) == 1 else _TOP_K_OF_SEVERAL
        return _search(
            queries,
            each,
            f"Nothing is known yet. Search for {_listed([part.text for part in question.parts])}.",
        )
    if not pages and (failure := next((lookup.failure for lookup in prompt.lookups if lookup.failure), None)):
        return Answer(composition=failed(failure), question=question, why="The search failed.")
    if not prompt.lookups:
        return Answer(
            composition=no_search(), question=question, why="Nothing was seen and nothing can be searched."
        )
    evidence = Evidence(pages)
    selections = [evidence.select(part) for part in question.parts]
    if len(prompt.lookups) < _MOST_CALLS and not prompt.closing:
        if "open" in prompt.functions and (call := _open_what_is_cut(prompt, selections)):
            return call
        if can_search and (call := _follow_up(prompt, evidence, selections)):
            return call
    composition = compose(selections, evidence)
    return Answer(composition=composition, question=question, why=_state(selections, closing=True))


def _first_queries(question: Question) -> list[str]:
    queries = [part.query for part in question.parts]
    for part in question.parts:
        if part.compares and len(part.names) > 1:
            queries.extend(part.names)
    return _distinct(queries)[:_MOST_QUERIES]


def _follow_up(prompt: Prompt, evidence: Evidence, selections: Sequence[Selection]) -> Call | None:
    """Search for what is still open, with the names read so far."""
    searches = [lookup for lookup in prompt.lookups if lookup.name == "search"]
    if len(searches) >= _MOST_SEARCHES or not _brought_something(prompt.lookups):
        return None
    open_parts = [selection for selection in selections if not selection.covered]
    asked = {frozenset(terms(query)) for lookup in searches for query in _queries(lookup)}
    queries = [
        query
        for query in _distinct(_rounds(_ideas(selection, evidence) for selection in open_parts))
        if frozenset(terms(query)) not in asked
    ][:_MOST_FOLLOWED]
    return (
        _search(queries, _TOP_K_FOLLOWED, f"{_state(selections)} Look up {_listed(queries)}.")
        if queries
        else None
    )


def _ideas(selection: Selection, evidence: Evidence) -> Iterator[str]:
    """Queries that may close a part, the most promising first."""
    part = selection.part
    for name in part.names:
        if not evidence.speaks_of(name):
            yield name
    if not selection.says_relation:
        head = [word.surface for word in content_words(part.text) if word.term == part.relation][:1]
        for name in _names_quoted(selection):
            yield " ".join([name, *head])
    for name, sentence in _leads(part, evidence):
        missing = _missing_words(part, sentence.covered | set(terms(name)))
        yield name if " " in name or not missing else f"{name} {missing[-1]}"
    if selection.missing and len(selection.missing) < len(part.terms):
        covered = frozenset(part.terms) - set(selection.missing)
        yield " ".join(dict.fromkeys([*part.names, *_missing_words(part, covered)]))


def _names_quoted(selection: Selection) -> list[str]:
    """Names new to the question in what would be quoted, the one read last first: it is the furthest."""
    asked = set(selection.part.terms)
    found = [
        name
        for match in reversed(selection.matches)
        if match.unit.kind != "code"
        for name in names(match.unit.text)
        if set(terms(name)) - asked and _is_lead(name)
    ]
    return list(dict.fromkeys(found))


def _is_lead(name: str) -> bool:
    """Whether a name reads as one: a few words, no version, path or line of code."""
    return len(name.split()) <= _LONGEST_LEAD and _LEAD.fullmatch(name) is not None


def _leads(part: Part, evidence: Evidence) -> list[tuple[str, Match]]:
    """Names read in the best sentences and new to the question, each with its sentence, best first."""
    ranked = [match for match in evidence.ranked(part) if match.unit.kind != "code"][:_LEADS]
    leads: dict[str, tuple[float, Match]] = {}
    for match in ranked:
        if match.score < max(_LEAST_LEAD, _LEAD_SHARE * ranked[0].score):
            break
        for name in (*quoted_phrases(match.unit.text), *names(match.unit.text)):
            new = set(terms(name)) - set(part.terms)
            if not new or not _is_lead(name) or terms(name) in evidence.titles:
                continue
            telling = 1.0 if " " in name else 0.6
            score = match.score * telling
            if name not in leads or leads[name][0] < score:
                leads[name] = (score, match)
    best = sorted(leads, key=lambda name: -leads[name][0])
    return [(name, leads[name][1]) for name in best]


def _missing_words(part: Part, covered: frozenset[str]) -> list[str]:
    open_terms = set(part.terms) - covered
    missing = {word.term: word.surface for word in content_words(part.text) if word.term in open_terms}
    return list(missing.values())[-_MOST_MISSING:]


def _open_what_is_cut(prompt: Prompt, selections: Sequence[Selection]) -> Call | None:
    """Read on where a quoted sentence stands unfinished, or introducing a list, at the end of a page."""
    opened = {
        (lookup.arguments.get("document"), lookup.arguments.get("line"))
        for lookup in prompt.lookups
        if lookup.name == "open"
    }
    for selection in selections:
        for unit in selection.units:
            where = (unit.source, unit.start)
            if unit.last and where not in opened and _is_cut(unit) and not _seen_below(prompt, unit):
                return Call(
                    function="open",
                    arguments={"document": unit.source, "line": unit.start, "num_lines": _LINES_TO_OPEN},
                    why=f"What line {unit.end} of {unit.source} says goes on below what was shown. Read on.",
                )
    return None


def _is_cut(unit: Unit) -> bool:
    if unit.kind in ("item", "row", "code"):
        return True
    return not unit.text.rstrip("\"'”’)]*_` ").endswith((".", "!", "?", "。", "！", "？"))


def _seen_below(prompt: Prompt, unit: Unit) -> bool:
    """Whether a page shows the lines below as well."""
    return any(page.source == unit.source and unit.end + 1 in page.lines for page in prompt.pages)


def _brought_something(lookups: Sequence[Lookup]) -> bool:
    """Whether the last call showed a line that no call before it had shown."""
    before = {(page.source, line) for lookup in lookups[:-1] for page in lookup.pages for line in page.lines}
    return any((page.source, line) not in before for page in lookups[-1].pages for line in page.lines)


def _queries(lookup: Lookup) -> list[str]:
    queries = lookup.arguments.get("queries")
    return [str(query) for query in cast("list[object]", queries)] if isinstance(queries, list) else []


def _search(queries: Sequence[str], each: int, why: str) -> Call:
    return Call(
        function="search", arguments={"queries": list(queries), "top_k": each * len(queries)}, why=why
    )


def _state(selections: Sequence[Selection], *, closing: bool = False) -> str:
    """What is known and what is missing, in a sentence or two."""
    known = [selection.part.text for selection in selections if selection.matches]
    missing = [selection.part.text for selection in selections if not selection.matches]
    partly = [selection for selection in selections if selection.matches and not selection.covered]
    words = [
        word.surface
        for selection in partly
        for word in content_words(selection.part.text)
        if word.term in selection.missing
    ]
    sentences = [f"There are sentences for {_listed(known)}." if known else "Nothing seen so far answers it."]
    if known and missing:
        sentences.append(f"Nothing yet for {_listed(missing)}.")
    if words:
        sentences.append(f"They do not speak of {_listed(list(dict.fromkeys(words)))}.")
    if closing:
        sentences.append("Nothing more to look up: answer with quotes.")
    return " ".join(sentences)


def _listed(texts: Sequence[str]) -> str:
    return ", ".join(f"“{text}”" for text in texts)


def _distinct(queries: Sequence[str]) -> list[str]:
    """Without queries that have the same terms as one before them."""
    seen: dict[frozenset[str], str] = {}
    for query in queries:
        seen.setdefault(frozenset(terms(query)), query)
    return [_shortened(query) for key, query in seen.items() if key]


def _shortened(query: str) -> str:
    """A query that the function takes, cut between words where it is too long."""
    return query if len(query) <= _LONGEST_QUERY else query[:_LONGEST_QUERY].rsplit(maxsplit=1)[0]


def _rounds(sources: Iterator[Iterator[str]]) -> list[str]:
    """One idea of each part in turn, so that no part takes all the queries."""
    waiting = list(sources)
    ideas: list[str] = []
    while waiting:
        for source in list(waiting):
            idea = next(source, None)
            if idea is None:
                waiting.remove(source)
            else:
                ideas.append(idea)
    return ideas
