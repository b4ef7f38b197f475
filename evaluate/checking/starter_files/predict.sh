#!/bin/sh
# The entry point: reads the case's npz in the inputs, leaves a file of the same name in the outputs.
# Without a container, the two folders come from the environment.
set -eu
exec python3 -B predict.py \
    "${SEGJUDGE_INPUTS:-@INPUTS@}" "${SEGJUDGE_OUTPUTS:-@OUTPUTS@}"
