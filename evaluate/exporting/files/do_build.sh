#!/bin/sh
# Builds the image of the evaluation. Further arguments are docker build's (--build-arg ...).
set -eu
cd "$(dirname "$0")"
docker build "$@" --tag @IMAGE@ .
