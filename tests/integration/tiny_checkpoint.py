"""Write a tiny gpt-oss checkpoint for vLLM, one that recites.

    python tiny_checkpoint.py OUT_DIR [TOKEN,TOKEN,... ...]

Needs torch and transformers (run it with the Python of the vLLM environment). Every list of tokens is a
chain: after each of its tokens the model says the next one, whatever came before. After any other token it
says anything at all: half the time one of a few tokens that end something (see ``o200k.py``), else any token
of the vocabulary, each being as likely as every other.
"""

# pyright: basic, reportMissingImports=false
# (torch and transformers are not in this project's own environment)

import json
import sys
from itertools import pairwise
from pathlib import Path

import torch
from o200k import ENDING, ENDING_WEIGHT
from transformers import GptOssConfig, GptOssForCausalLM

HIDDEN = 64


def main(out: Path, chains: list[list[int]]) -> None:
    config = GptOssConfig(
        vocab_size=201_088,
        hidden_size=HIDDEN,
        intermediate_size=HIDDEN,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=32,
        num_local_experts=4,
        num_experts_per_tok=2,
        sliding_window=128,
        max_position_embeddings=131_072,
        tie_word_embeddings=False,
        bos_token_id=199998,
        eos_token_id=200002,
        pad_token_id=199999,
    )
    model = GptOssForCausalLM(config).to(torch.bfloat16)
    with torch.no_grad():
        # The layers add nothing, so what reaches the output is the embedding of the last token alone.
        for layer in model.model.layers:
            for part in (layer.self_attn.o_proj.weight, layer.self_attn.o_proj.bias):
                part.zero_()
            for part in (layer.mlp.experts.down_proj, layer.mlp.experts.down_proj_bias):
                part.zero_()
        embedding, output = model.model.embed_tokens.weight, model.lm_head.weight
        embedding.zero_()
        output.zero_()
        embedding[:, 0] = 1.0  # every token without a chain
        for token in ENDING:
            output[token, 0] = ENDING_WEIGHT
        place = 1
        for chain in chains:
            for token, following in pairwise(chain):
                embedding[token] = torch.eye(HIDDEN)[place]
                output[following, place] = 8.0
                place += 1
    model.save_pretrained(out)
    (out / "generation_config.json").write_text(json.dumps({"eos_token_id": [200002, 199999, 200012]}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), [[int(token) for token in chain.split(",")] for chain in sys.argv[2:]])
