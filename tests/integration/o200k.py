"""Write the o200k_harmony vocabulary as a ``tokenizer.json``, for servers that ask what a token spells.

    python o200k.py CHECKPOINT_DIR

It has no merges: tokens become the right text, but text becomes one token per byte.
"""

import gzip
import json
import sys
from binascii import a2b_base64
from importlib.util import find_spec
from pathlib import Path
from typing import Any

VOCABULARY = 201_088
CONTROL_TOKENS = {
    199998: "<|startoftext|>",
    199999: "<|endoftext|>",
    200002: "<|return|>",
    200003: "<|constrain|>",
    200005: "<|channel|>",
    200006: "<|start|>",
    200007: "<|end|>",
    200008: "<|message|>",
    200012: "<|call|>",
    200018: "<|endofprompt|>",
}
ENDING = (1, 11, 60, 92, 200002, 200007)
"""``"``, ``,``, ``]``, ``}``, ``<|return|>``, ``<|end|>``: what a model has to say at times, if anything that
it writes is ever to end."""
ENDING_WEIGHT = 1.3
"""Of these in the output, for a hidden state of 64 that is one in its first place: each is then as likely as
some 30,000 others."""


def byte_letters() -> str:
    """GPT-2's printable letter for each byte, in which vocabulary files spell their tokens."""
    printable = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = iter(range(256, 512))
    return "".join(chr(byte if byte in printable else next(others)) for byte in range(256))


def read_ranks() -> dict[str, int]:
    """Every o200k token, spelled in byte letters, with its rank."""
    letters = byte_letters()
    package = find_spec("bpe_openai")  # found, not imported: importing it builds three tokenizers
    assert package is not None
    assert package.origin is not None
    packed = Path(package.origin).with_name("data").joinpath("o200k_base.tiktoken.gz").read_bytes()
    rows = (row.split() for row in gzip.decompress(packed).splitlines())
    return {a2b_base64(token).decode("latin-1").translate(letters): int(rank) for token, rank in rows}


def main(folder: Path) -> None:
    ranks = read_ranks()
    taken = set(ranks.values())
    added: list[dict[str, Any]] = [
        {
            "id": number,
            "content": CONTROL_TOKENS.get(number, f"<|reserved_{number}|>"),
            "special": True,
            **dict.fromkeys(["single_word", "lstrip", "rstrip", "normalized"], False),
        }
        for number in range(VOCABULARY)
        if number not in taken
    ]
    bytewise = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
    tokenizer: dict[str, Any] = {
        "version": "1.0",
        "added_tokens": added,
        "pre_tokenizer": bytewise,
        "decoder": bytewise,
        "model": {"type": "BPE", "vocab": ranks, "merges": []},
    }
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|return|>"}
    folder.joinpath("tokenizer.json").write_text(json.dumps(tokenizer))
    folder.joinpath("tokenizer_config.json").write_text(json.dumps(config))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
