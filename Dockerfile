# Two targets: `participant`, the reference submission (LiteMedSAM, runs predict.sh), and
# `evaluator`, segjudge itself. The last one is the default. The classic builder makes every stage
# up to its target, so the small ones come first; what changes seldom comes first in each.
ARG BASE_IMAGE=python:3.11-slim

FROM ${BASE_IMAGE} AS wheel
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ARG PIP_FIND_LINKS
WORKDIR /build
COPY pyproject.toml hatch_build.py ./
# A compiler among them; none of it is in the evaluator.
RUN python3 -m venv /opt/build \
    && /opt/build/bin/pip install --no-cache-dir \
    $(python3 -c 'import re, tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], re.search("ziglang[=.0-9]+", open("hatch_build.py").read())[0])')
COPY README.md LICENSE ./
COPY segjudge segjudge
COPY evaluate evaluate
COPY metrics metrics
COPY data_manifest data_manifest
COPY participants participants
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /dist .

FROM ${BASE_IMAGE} AS evaluator
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ARG PIP_FIND_LINKS
COPY pyproject.toml evaluate/official.txt /tmp/
# No client of an engine: the evaluator reads strangers' files, and must never reach a socket.
RUN python3 -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --constraint /tmp/official.txt \
    $(python3 -c 'import tomllib; print(*(name for name in tomllib.load(open("/tmp/pyproject.toml", "rb"))["project"]["dependencies"] if not name.startswith("docker>")))')
COPY --from=wheel /dist /tmp/dist
RUN /opt/venv/bin/pip install --no-cache-dir --no-deps /tmp/dist/*.whl
ENV PATH=/opt/venv/bin:$PATH
WORKDIR /data
ENTRYPOINT ["segjudge"]
CMD ["--help"]

FROM ${BASE_IMAGE} AS participant
ARG TORCH=torch==2.13.0
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ARG PIP_FIND_LINKS
WORKDIR /workspace
COPY participants/litemedsam/requirements.txt participants/litemedsam/requirements-nodeps.txt ./
RUN python3 -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir "${TORCH}" -r requirements.txt \
    && /opt/venv/bin/pip install --no-cache-dir --no-deps -r requirements-nodeps.txt \
    && chmod -R a+rX /opt/venv
ENV PATH=/opt/venv/bin:$PATH
COPY participants/kit/*.py participants/litemedsam/*.py predict.sh ./
# Loads the model once, so that wrong weights fail here and not in the challenge.
RUN python3 -B model.py && mkdir -p inputs outputs && chmod -R a+rX /workspace
CMD ["/bin/bash", "-c", "sh predict.sh"]
