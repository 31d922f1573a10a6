"""Run the llama.cpp server of the xllamacpp package on loopback.

python llama_server.py MODEL.gguf PORT [API_KEY]
"""

# pyright: basic, reportAttributeAccessIssue=false
# (xllamacpp has no types)

import sys
import time

import xllamacpp


def main(model: str, port: int, *api_keys: str) -> None:
    params = xllamacpp.CommonParams()
    params.model.path = model
    params.model_alias = {"tiny-gpt-oss"}
    params.hostnames = ["127.0.0.1"]
    params.port = port
    params.api_keys = list(api_keys)
    params.n_ctx = 4096
    params.n_parallel = 1
    params.warmup = False
    # Two threads wait for each other by spinning, which takes forever on a busy machine.
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    server = xllamacpp.Server(params)
    while server:
        time.sleep(60)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
