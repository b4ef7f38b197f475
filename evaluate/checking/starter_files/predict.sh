#!/bin/sh
# The entry point: reads the case in the inputs folder, leaves its mask in the outputs folder.
# Without a container, the two folders come from the environment.
set -eu
exec python3 -B predict.py \
    "${SEGJUDGE_INPUTS:-@INPUTS@}" "${SEGJUDGE_OUTPUTS:-@OUTPUTS@}"
