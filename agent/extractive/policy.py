"""What to do next: search, follow a name, open a document, or answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import cast

from .answer import Composition, compose, failed, greeting, no_search, unclear
from .choosing import Selection, ranked, select
from .evidence import Evidence
from .names import names, quoted_phrases
from .passages import Unit
from .prompt import Lookup, Prompt
from .question import Question, read_question
from .signs import asks_what_it_is
from .terms import content_words, terms

__all__ = ["Answer", "Call", "Decision", "decide"]

_MOST_SEARCHES = 4
_MOST_CALLS = 8
_LONGEST_QUERY = 500
"""In characters; the function takes twice that."""
_TOP_K = 4
"""Passages asked for at first, for each query: few, so that the names in them are soon followed."""
_TOP_K_SIMPLE = 8
"""The same where the question is simple and no name of several words is in it, whose document comes first."""
_MOST_FOLLOWED = 5
_TOP_K_FOLLOWED = 5
"""Passages asked for when names are followed: one for each."""
_TOP_K_WIDE = 10
_BEFORE_WIDE = 2
"""Searches after which the question's own words are given more room: the names had their turn."""
_LOOK_ROUND = 3
"""Searches made for a part that is not simple, whatever they bring: its terms are easily found apart."""
_MOST_TOP_K = 20
"""The function gives no more."""
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
        defined = [f"{part.keywords} definition glossary" for part in question.parts if asks_what_it_is(part)]
        queries = _distinct([*(part.query for part in question.parts), *defined])
        simple = all(part.simple and not any(" " in name for name in part.names) for part in question.parts)
        return _search(
            queries,
            (_TOP_K_SIMPLE if simple else _TOP_K) * len(queries),
            f"Nothing is known yet. Search for {_listed([part.text for part in question.parts])}.",
        )
    if not pages and (failure := next((lookup.failure for lookup in prompt.lookups if lookup.failure), None)):
        return Answer(composition=failed(failure), question=question, why="The search failed.")
    if not prompt.lookups:
        return Answer(
            composition=no_search(), question=question, why="Nothing was seen and nothing can be searched."
        )
    evidence = Evidence(pages)
    selections = [select(evidence, part) for part in question.parts]
    if len(prompt.lookups) < _MOST_CALLS and not prompt.closing:
        if "open" in prompt.functions and (
            call := _open_what_is_cut(prompt, selections) or _open_the_beginning(prompt, selections)
        ):
            return call
        if can_search and (call := _follow_up(prompt, evidence, selections)):
            return call
    composition = compose(selections, evidence)
    return Answer(composition=composition, question=question, why=_state(selections, closing=True))


def _follow_up(prompt: Prompt, evidence: Evidence, selections: Sequence[Selection]) -> Call | None:
    """Follow the names read so far to the documents about them, or look at more of what the words find."""
    searches = [lookup for lookup in prompt.lookups if lookup.name == "search"]
    if not prompt.pages or len(searches) >= _MOST_SEARCHES:
        return None
    unanswered = [
        selection
        for selection in selections
        if not selection.covered or (len(searches) < _LOOK_ROUND and not selection.part.simple)
    ]
    steps: list[Call] = []
    known = [frozenset(terms(query)) for lookup in searches[1:] for query in _queries(lookup)]

    def fresh(read: Callable[[Selection, Evidence], Iterator[str]]) -> list[str]:
        ideas = _distinct(_rounds(read(selection, evidence) for selection in unanswered))
        return [idea for idea in ideas if not any(query.issuperset(terms(idea)) for query in known)]

    sides = [side for each in selections for side in each.part.intent.sides]
    if sides and len(searches) == 1:
        return _search(
            _distinct(sides)[:_MOST_FOLLOWED], _TOP_K_FOLLOWED * len(sides), _why(selections, sides)
        )
    # Names go into one query: several queries are fused by rank, and what each of them finds a little of
    # would come before the documents about the names.
    queries = [*fresh(_last_named)[:1], ", ".join(fresh(_names_to_follow)[:_MOST_FOLLOWED])]
    if followed := _distinct(queries):
        steps.append(_search(followed, _TOP_K_FOLLOWED, _why(selections, followed)))
    words = _distinct(
        [
            each.part.keywords
            for each in unanswered
            if not (each.part.simple and each.matches and each.says_relation)
        ]
    )
    wide = _search(words, _TOP_K_WIDE * len(words), _why(selections, words))
    if words and wide.arguments not in [lookup.arguments for lookup in searches]:
        steps.append(wide)
    return steps[-1 if len(searches) == _BEFORE_WIDE else 0] if steps else None


def _last_named(selection: Selection, evidence: Evidence) -> Iterator[str]:
    """What is asked for, of the names in what would be quoted, the last first: it is the furthest."""
    part = selection.part
    if selection.says_relation:
        return
    head = [word.surface for word in content_words(part.text) if word.term == part.relation][:1]
    for match in reversed(selection.matches):
        if match.unit.kind != "code":
            for name in names(match.unit.said):
                if set(terms(name)) - set(part.terms) and _is_lead(name):
                    yield " ".join([name, *head])


def _names_to_follow(selection: Selection, evidence: Evidence) -> Iterator[str]:
    """Names to look up: those of the part that nothing seen has, then new ones, from the best sentence on."""
    part = selection.part
    for name in part.names:
        if not evidence.speaks_of(name):
            yield name
    for match in ranked(evidence, part):
        if match.unit.kind == "code":
            continue
        for name in (*quoted_phrases(match.unit.said), *names(match.unit.said)):
            if set(terms(name)) - set(part.terms) and _is_lead(name) and not evidence.is_about(name):
                yield name


def _is_lead(name: str) -> bool:
    """Whether a name reads as one: a few words, no version, path or line of code."""
    return len(name.split()) <= _LONGEST_LEAD and _LEAD.fullmatch(name) is not None


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


def _open_the_beginning(prompt: Prompt, selections: Sequence[Selection]) -> Call | None:
    """Read a document from its first line on, where what its title names is asked for."""
    opened = {lookup.arguments.get("document") for lookup in prompt.lookups if lookup.name == "open"}
    for selection in selections:
        for unit in selection.units if selection.undefined else ():
            if set(selection.part.terms) <= set(terms(unit.title)) and unit.source not in opened:
                return Call(
                    function="open",
                    arguments={"document": unit.source, "line": 1, "num_lines": _LINES_TO_OPEN},
                    why=f"No quote says what {unit.title} is. Read {unit.source} from its beginning.",
                )
    return None


def _is_cut(unit: Unit) -> bool:
    if unit.kind in ("item", "row", "code"):
        return True
    return not unit.text.rstrip("\"'”’)]*_` ").endswith((".", "!", "?", "。", "！", "？"))


def _seen_below(prompt: Prompt, unit: Unit) -> bool:
    """Whether a page shows the lines below as well."""
    return any(page.source == unit.source and unit.end + 1 in page.lines for page in prompt.pages)


def _queries(lookup: Lookup) -> list[str]:
    queries = lookup.arguments.get("queries")
    return [str(query) for query in cast("list[object]", queries)] if isinstance(queries, list) else []


def _search(queries: Sequence[str], top_k: int, why: str) -> Call:
    return Call(
        function="search",
        arguments={"queries": list(queries), "top_k": min(_MOST_TOP_K, top_k)},
        why=why,
    )


def _why(selections: Sequence[Selection], queries: Sequence[str]) -> str:
    return f"{_state(selections)} Look up {_listed(queries)}."


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
