"""A question taken apart: its parts, and what each of them is about."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from .intent import COMPARING, Intent, read_intent
from .literals import literals
from .names import names, quoted_phrases
from .relation import asked_relation, is_chain
from .terms import content_words, terms

__all__ = ["OF_DEFAULTS", "SIMPLE", "Part", "Question", "Wanted", "read_question"]

Wanted = Literal["default", "time", "person", "list", "procedure", "count", "number", "definition", None]
"""The kind of thing that a part asks for, where its words say so."""

_MOST_PARTS = 5
SIMPLE = 6
"""A part with more terms describes something by something else; what is left open then is what was asked."""
_WH = r"(?:what|how|why|when|where|which|who|whose|whom)"
_FOREIGN_WH = (
    r"(?:wer|was|wie|wo|wann|warum|wieso|weshalb|welche[rsmn]?|wem|wen|wessen|woher|wohin|wieviel"
    r"|qui|que|quoi|quels?|quelles?|quand|comment|combien|pourquoi|où"
    r"|qui[ée]n(?:es)?|qué|cu[áa]l(?:es)?|cu[áa]ndo|c[óo]mo|d[óo]nde|cu[áa]nt[oa]s?"
    r"|chi|che|cosa|qual[ei]?|quando|come|dove|perch[ée]|quant[oaie]|quem|quais|onde|quant[oa]s"
    r"|wat|waar|wanneer|waarom|hoe|hoeveel|welke?|wiens)"
)
"""Question words of German, French, Spanish, Italian, Portuguese and Dutch."""
_FOREIGN_OPENER = re.compile(
    rf"^{_FOREIGN_WH}\b(?!.*\b(?:the|of|is|are|was|does|do|did)\b)\s*", re.IGNORECASE
)
_AUXILIARY = r"(?:is|are|was|were|does|do|did|can|could|should|will|has|have)"
_SENTENCES = re.compile(r"(?<=[?!;。？！；])\s*|(?<=\w\w[.])\s+|\n+")
_JOINTS = re.compile(
    rf"(?:,|;)?\s+(?:and|but)\s+(?:also\s+)?(?={_WH}\b)|,\s+(?=(?:what|how|why)\b)|,\s+(?:and|but)\s+(?={_AUXILIARY}\b)"
    rf"|,?\s+(?:und|et|y|e|ed|en)\s+(?={_FOREIGN_WH}\b)",
    re.IGNORECASE,
)
_FOCUS = re.compile(
    r"(?:\w+ )?(?:what|which) (?!(?:do|does|did|can)\b)((?:[\w-]+ ){1,3}?)"
    rf"(?:{_AUXILIARY}|for|to|in|of|on|with|exist)\b",
    re.IGNORECASE,
)
_ASKS = re.compile(
    rf"[?？]\s*$|^(?:{_WH}|{_AUXILIARY}|tell|explain|describe|list|compare|show|find)\b", re.IGNORECASE
)
_ASKING_WORD = re.compile(rf"\b{_WH}\b", re.IGNORECASE)
_DOING = re.compile(
    r"^(?:and |so )?(?:what|whom|where) (?:do|does|did) (?:the |an? )?(\S+(?: \S+){0,3}) (?!do$)[a-z]+$",
    re.IGNORECASE,
)
_PARTICLE = re.compile(r"\b([a-z]{3,8}) (up|down|out|off)\b")
_ADDRESS = re.compile(r"\byou(?:r|rs)?\b", re.IGNORECASE)
_PRONOUN = re.compile(
    r"\b(?:it|its|they|them|their|this|that|these|those|one|ones|he|she|his|her|him|there|here|each|both)\b",
    re.IGNORECASE,
)
_MAY_POINT_INSIDE = re.compile(r"(?:its|their|his|her|that)", re.IGNORECASE)
_SMALL_TALK = frozenset(
    re.findall(
        r"\w+",
        "hello hi hey hallo salut hola ciao good morning afternoon evening day night bye goodbye cheers "
        "great nice cool fine perfect thx welcome sorry wow yo lol okay ok thanks thank test ",
    )
)
_DEGREES = r"long|large|big|often|fast|old|tall|high|deep|wide|far|heavy"
_WANTED: tuple[tuple[Wanted, re.Pattern[str]], ...] = (
    ("default", re.compile(r"\bdefaults?\b", re.IGNORECASE)),
    ("person", re.compile(r"^(?:and |so )?(?:who|whom|by whom)\b", re.IGNORECASE)),
    (
        "time",
        re.compile(
            r"^(?:and |so |since )?when\b|\b(?:what|which) (?:year|date|day|month|century|decade)\b",
            re.IGNORECASE,
        ),
    ),
    (
        "list",
        re.compile(
            rf"^(?:what|which) (?!{_AUXILIARY}\b)\w+(?: \w+){{0,3}}"
            r" (?:are (?:there|supported|available)|exist|does|do|can)\b"
            r"|^list\b|^what are the (?:\w+ )?(?:types?|kinds?|options?|steps?|levels?|modes?|ways?)\b"
            r"|\bwhat (?:types?|kinds?) of\b",
            re.IGNORECASE,
        ),
    ),
    ("procedure", re.compile(r"^(?:so |and )?how (?:do|can|should|to|would)\b|\bsteps to\b", re.IGNORECASE)),
    (
        "count",
        re.compile(rf"^(?:and |so )?how (?:many|much|{_DEGREES})\b", re.IGNORECASE),
    ),
    (
        "number",
        re.compile(
            rf"\bhow (?:many|much|{_DEGREES})\b"
            r"|\b(?:maximum|minimum|max|min|size|limit|number|count)\b",
            re.IGNORECASE,
        ),
    ),
    ("definition", re.compile(r"^(?:so |and )?what(?:'s| is| are| was| were) ", re.IGNORECASE)),
)


_BOUNDS = {
    terms(word)[0]: terms(others)
    for word, others in (("maximum", "max limit upper"), ("minimum", "min lower"), ("limit", "maximum max"))
}
"""Other words for a bound."""
OF_DEFAULTS = frozenset(terms("value values setting"))
"""Terms that say nothing beside "default"."""
_DEGREE = re.compile(rf"^(?:and |so )?how ({_DEGREES})\b", re.IGNORECASE)
"""A question for a measure, which says "31 days" where the question says "long"."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """One thing that is asked."""

    text: str
    """The words of the question, without the question mark."""
    query: str
    """The part as a query that stands on its own: what its pronouns point at is added."""
    terms: tuple[str, ...]
    """The distinct terms asked for, in order."""
    context: tuple[str, ...]
    """The terms that its pronouns point at; they weigh less."""
    names: tuple[str, ...]
    """Names, identifiers and quoted phrases, as written."""
    literals: tuple[str, ...]
    """Words that stand for themselves, in lower case: an option, a setting."""
    focus: tuple[str, ...]
    """The terms that say what kind of thing is asked for: "index" in "which index is best"."""
    relation: str | None
    """The term that an answering sentence has to say itself: "founded" in "who founded it"."""
    joined: tuple[tuple[str, str], ...]
    """Terms that are also said by another: "back (up)" by "backup", "maximum" by "limit"."""
    subject: str | None
    """X in "what does X eat": who or what does what is asked for."""
    chain: bool
    """Whether what is asked about is described by something else."""
    wanted: Wanted
    intent: Intent

    @property
    def keywords(self) -> str:
        """The query without its function words."""
        return " ".join(dict.fromkeys(word.surface for word in content_words(self.query)))

    @property
    def simple(self) -> bool:
        """Whether it asks about one thing, by its name: one passage can answer it."""
        return len(self.terms) <= SIMPLE and len(self.names) < 2 and not self.chain


@dataclass(frozen=True, kw_only=True)
class Question:
    """What the user asked. No ``parts``: nothing was asked that a search could answer."""

    text: str
    parts: tuple[Part, ...]
    unclear: bool
    """Whether something is asked, but of nothing that is named."""


def read_question(text: str, *, previous: str | None = None) -> Question:
    """Take a question apart.

    Args:
        text: the user's message.
        previous: the user's message before it, to which a pronoun may point.
    """
    earlier = _context_words(previous) if previous else ()
    asked, told = _pieces(text)
    if not asked and previous and _ASKS.search(text.strip()) and not _is_small_talk(previous):
        asked, told = _pieces(previous)  # "Why?": the same again
    parts: list[Part] = []
    told_words = tuple(word.surface for piece in told for word in content_words(piece))
    for piece in asked[:_MOST_PARTS]:
        own = [word for word in content_words(piece)]
        pointed = told_words
        if _points_elsewhere(piece) or len(own) < 2:
            pointed = (*told_words, *(_context_words(parts[-1].query) if parts else earlier))
        parts.append(_part(piece, pointed))
    return Question(text=text.strip(), parts=tuple(parts), unclear=not parts and _asks_of_nothing(text))


def _pieces(text: str) -> tuple[list[str], list[str]]:
    """The pieces that ask, and the ones that only tell something about them."""
    sentences = [piece.strip() for piece in _SENTENCES.split(text) if piece and piece.strip()]
    sentences = [piece for piece in sentences if not _is_small_talk(piece)]
    asked = [piece for piece in sentences if _ASKS.search(piece)]
    told = [piece for piece in sentences if piece not in asked] if asked else []
    pieces: list[str] = []
    for sentence in asked or sentences:
        joined = False
        for piece in _JOINTS.split(sentence):
            if pieces and (not content_words(piece) or (joined and not _asks_itself(pieces[-1]))):
                pieces[-1] = f"{pieces[-1]}, {piece}"
            else:
                pieces.append(piece)
            joined = True
    return [piece for piece in pieces if content_words(piece)], told


def _asks_itself(piece: str) -> bool:
    """Whether a piece is a question by itself, and no opening of the next: "In 2011, what was …"."""
    return any(pattern.search(piece) for pattern in (_ASKS, _ASKING_WORD, _FOREIGN_OPENER))


def _points_elsewhere(piece: str) -> bool:
    """Whether a pronoun stands for something outside the piece.

    "its", and "that" with more to come, mean the noun before them where there is one.
    """
    return any(
        not (
            _MAY_POINT_INSIDE.fullmatch(match[0])
            and content_words(piece[: match.start()])
            and content_words(piece[match.end() :])
        )
        for match in _PRONOUN.finditer(piece)
    )


def _asks_of_nothing(text: str) -> bool:
    asks = _ASKS.search(text.strip()) and any(character.isalpha() for character in text)
    greets = bool(content_words(text)) or _ADDRESS.search(text) is not None
    return bool(asks) and not greets


def _is_small_talk(text: str) -> bool:
    return all(word.surface.casefold() in _SMALL_TALK for word in content_words(text))


def _part(piece: str, pointed: tuple[str, ...]) -> Part:
    text = piece.strip().strip("?？!. ;,").strip()
    body = _FOREIGN_OPENER.sub("", text) if _ASKS.search(piece) else text
    intent = read_intent(text)
    wanted: Wanted = next((kind for kind, pattern in _WANTED if pattern.search(piece)), None)
    asking = (
        COMPARING if intent.kind == "comparison" else OF_DEFAULTS if wanted == "default" else frozenset[str]()
    )
    if degree := _DEGREE.match(text):
        asking |= frozenset(terms(f"{degree[1]} last"))
    own = tuple(dict.fromkeys(term for term in terms(body) if term not in asking)) or terms(body)
    pointed = tuple(dict.fromkeys(word for word in pointed if not set(terms(word)) & set(own)))
    particles = [pair for pair in _PARTICLE.findall(text) if terms(pair[0]) and terms("".join(pair))]
    found = dict.fromkeys((*quoted_phrases(body), *names(body, lone_openers=True)))
    return Part(
        text=text,
        query=" ".join([text, *(f"{verb}{particle}" for verb, particle in particles), *pointed]),
        terms=own,
        context=tuple(dict.fromkeys(terms(" ".join(pointed)))),
        names=_outermost(tuple(found)),
        literals=literals(body),
        focus=terms(focus[1]) if (focus := _FOCUS.match(text)) else (),
        relation=asked_relation(text),
        joined=(
            *((terms(verb)[-1], terms(verb + particle)[-1]) for verb, particle in particles),
            *((term, other) for term in own for other in _BOUNDS.get(term, ())),
        ),
        subject=doing[1] if (doing := _DOING.match(text)) else None,
        chain=is_chain(text),
        wanted=wanted,
        intent=intent,
    )


def _context_words(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word.surface for word in content_words(text)))[:8]


def _outermost(found: tuple[str, ...]) -> tuple[str, ...]:
    """Without the names that are inside another one."""
    return tuple(name for name in found if not any(name != other and name in other for other in found))
