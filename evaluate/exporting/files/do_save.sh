#!/bin/sh
# Saves the image as the file that Grand Challenge takes.
set -eu
cd "$(dirname "$0")"
docker save @IMAGE@ | gzip -c >@IMAGE@.tar.gz
echo "@IMAGE@.tar.gz"
