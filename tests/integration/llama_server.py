"""Run the llama.cpp server of the xllamacpp package on loopback.

python llama_server.py MODEL.gguf PORT [--api-key KEY] [--context N] [--chat-template FILE]
"""

# pyright: basic, reportAttributeAccessIssue=false
# (xllamacpp has no types)

import argparse
import time
from pathlib import Path

import xllamacpp


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("port", type=int)
    parser.add_argument("--api-key", action="append", default=[])
    parser.add_argument("--context", type=int, default=4096)
    parser.add_argument("--chat-template", type=Path)
    given = parser.parse_args()
    params = xllamacpp.CommonParams()
    params.model.path = given.model
    params.model_alias = {"tiny-gpt-oss"}
    params.hostnames = ["127.0.0.1"]
    params.port = given.port
    params.api_keys = given.api_key
    params.n_ctx = given.context
    if given.chat_template:
        params.chat_template = given.chat_template.read_text()
    params.n_parallel = 1
    params.warmup = False
    # Two threads wait for each other by spinning, which takes forever on a busy machine.
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    server = xllamacpp.Server(params)
    while server:
        time.sleep(60)


if __name__ == "__main__":
    main()
