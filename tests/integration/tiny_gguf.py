"""Write a tiny gpt-oss with random weights as a GGUF, with the real o200k_harmony vocabulary.

    python tiny_gguf.py OUT.gguf [--merges] [--ending]

llama.cpp loads it as architecture ``gpt-oss``. It talks nonsense, but in the right tokens: what a client
does with token ids, stop tokens, grammars and the prompt cache can be tested on it for real.

The vocabulary has one merge only (llama.cpp wants at least one): tokens become the right text, but text sent
to the server becomes one token per byte. The merges (``--merges``) more than double the time to write and to
load. Half of what it says ends something with ``--ending`` (see ``o200k.py``); else nothing would ever end,
each token being as likely as every other.
"""

import sys
from itertools import pairwise
from pathlib import Path

import gguf
import numpy as np
from o200k import CONTROL_TOKENS, ENDING, ENDING_WEIGHT, VOCABULARY, read_ranks

LAYERS, HIDDEN, HEADS, KV_HEADS, HEAD_DIM, EXPERTS = 2, 64, 4, 2, 32, 4


def add_vocabulary(writer: gguf.GGUFWriter, *, merges: bool) -> None:
    ranks = read_ranks()
    tokens = [CONTROL_TOKENS.get(number, f"<|reserved_{number}|>") for number in range(VOCABULARY)]
    kinds = [int(gguf.TokenType.CONTROL)] * VOCABULARY
    for token, rank in ranks.items():
        tokens[rank], kinds[rank] = token, int(gguf.TokenType.NORMAL)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-4o")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges(all_merges(ranks) if merges else ["Ġ t"])
    writer.add_bos_token_id(199998)
    writer.add_eos_token_id(200002)
    writer.add_pad_token_id(199999)


def all_merges(ranks: dict[str, int]) -> list[str]:
    """The two tokens each token is made of, in the order of their ranks."""
    merges: list[str] = []
    for token in sorted(ranks, key=lambda token: ranks[token]):
        parts = list(token)
        while len(parts) > 2:
            pairs = [ranks.get(left + right, VOCABULARY) for left, right in pairwise(parts)]
            at = min(range(len(pairs)), key=pairs.__getitem__)
            parts[at : at + 2] = [parts[at] + parts[at + 1]]
        if len(parts) == 2:
            merges.append(" ".join(parts))
    return merges


def add_shape(writer: gguf.GGUFWriter) -> None:
    writer.add_name("tiny-gpt-oss")
    writer.add_block_count(LAYERS)
    writer.add_context_length(131_072)
    writer.add_embedding_length(HIDDEN)
    writer.add_feed_forward_length(HIDDEN)
    writer.add_expert_feed_forward_length(HIDDEN)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_key_length(HEAD_DIM)
    writer.add_value_length(HEAD_DIM)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_expert_count(EXPERTS)
    writer.add_expert_used_count(2)
    writer.add_sliding_window(128)
    writer.add_rope_freq_base(150_000.0)
    writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)
    writer.add_rope_scaling_factor(32.0)
    writer.add_rope_scaling_orig_ctx_len(4096)


def add_weights(writer: gguf.GGUFWriter, *, ending: bool) -> None:
    random = np.random.default_rng(0)

    def add(name: str, *shape: int) -> None:
        """Random numbers: half precision for matrices, single for biases and the like."""
        values = random.standard_normal(shape, dtype=np.float32) * np.float32(0.02)
        if ending and name == "token_embd.weight":
            values[:, 0] = 1
        elif ending and name == "output.weight":
            values[list(ENDING), 0] = ENDING_WEIGHT
        writer.add_tensor(name, values.astype(np.float16) if name.endswith(".weight") else values)

    def add_ones(name: str) -> None:
        writer.add_tensor(name, np.ones(HIDDEN, np.float32))

    add("token_embd.weight", VOCABULARY, HIDDEN)
    add("output.weight", VOCABULARY, HIDDEN)
    add_ones("output_norm.weight")
    query, keys = HEADS * HEAD_DIM, KV_HEADS * HEAD_DIM
    for layer in range(LAYERS):
        block = f"blk.{layer}"
        add_ones(f"{block}.attn_norm.weight")
        add_ones(f"{block}.post_attention_norm.weight")
        for name, rows, columns in [
            ("attn_q", query, HIDDEN),
            ("attn_k", keys, HIDDEN),
            ("attn_v", keys, HIDDEN),
            ("attn_output", HIDDEN, query),
            ("ffn_gate_inp", EXPERTS, HIDDEN),
        ]:
            add(f"{block}.{name}.weight", rows, columns)
            add(f"{block}.{name}.bias", rows)
        writer.add_tensor(f"{block}.attn_sinks.weight", random.standard_normal(HEADS, dtype=np.float32))
        for name in ("ffn_gate_exps", "ffn_up_exps", "ffn_down_exps"):
            add(f"{block}.{name}.weight", EXPERTS, HIDDEN, HIDDEN)
            add(f"{block}.{name}.bias", EXPERTS, HIDDEN)


def main(out: Path, *, merges: bool, ending: bool) -> None:
    part = out.with_suffix(".part")
    writer = gguf.GGUFWriter(part, "gpt-oss")
    add_shape(writer)
    add_vocabulary(writer, merges=merges)
    add_weights(writer, ending=ending)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    part.replace(out)


if __name__ == "__main__":
    main(Path(sys.argv[1]), merges="--merges" in sys.argv, ending="--ending" in sys.argv)
