# Two targets: `participant`, the reference submission (LiteMedSAM, runs predict.sh), and
# `evaluator`, segjudge itself. The last one is the default. The classic builder makes every stage
# up to its target, so the small one comes first.
ARG BASE_IMAGE=python:3.11-slim

FROM ${BASE_IMAGE} AS evaluator
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ARG PIP_FIND_LINKS
WORKDIR /build
COPY pyproject.toml hatch_build.py README.md LICENSE ./
COPY segjudge segjudge
COPY evaluate evaluate
COPY metrics metrics
COPY data_manifest data_manifest
COPY participants participants
# No client of an engine: the evaluator reads strangers' files, and must never reach a socket.
RUN python3 -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir . \
    && /opt/venv/bin/pip uninstall --yes docker
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
COPY participants/litemedsam/*.py predict.sh ./
# Loads the model once, so that wrong weights fail here and not in the challenge.
RUN python3 -B model.py && mkdir -p inputs outputs && chmod -R a+rX /workspace
CMD ["/bin/bash", "-c", "sh predict.sh"]
