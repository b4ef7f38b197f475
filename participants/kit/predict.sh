#!/bin/sh
# The entry point of every participant: each npz of the inputs gets an answer of the same name.
# A harness without containers names its two folders in the environment.
set -eu
exec python3 -B predict.py \
    "${SEGJUDGE_INPUTS:-/workspace/inputs}" "${SEGJUDGE_OUTPUTS:-/workspace/outputs}"
