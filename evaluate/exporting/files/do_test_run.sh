#!/bin/sh
# Runs the evaluation as Grand Challenge does: no network, read-only inputs, /tmp a volume, not root.
# The test's masks are empty, and of a few cases: it works, and the numbers say nothing.
set -eu
cd "$(dirname "$0")"
here=$(pwd)
rm -rf test/output
mkdir -m 777 test/output
docker run --rm --network none --cap-drop ALL --security-opt no-new-privileges \
    --pids-limit 512 --memory "${MEMORY:-4g}" --volume /tmp \
    --volume "$here/test/input:/input:ro" --volume "$here/test/output:/output" \
    --volume "$here/ground_truth:/opt/ml/input/data/ground_truth:ro" \
    @IMAGE@
cat test/output/metrics.json
