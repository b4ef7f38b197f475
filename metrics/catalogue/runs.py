"""What a run measures: as bad as the protocol's limit is wide."""

from metrics.definition import MetricDef

DEFINITIONS = (
    MetricDef(
        name="wall_s",
        title="Time",
        long_title="wall-clock time per case",
        definition="From just before the container's start is asked for until its exit is seen.",
        direction="lower",
        worst="limit",
        unit="s",
    ),
    MetricDef(
        name="cpu_s",
        title="CPU time",
        long_title="CPU time per case",
        definition="User and system time of everything in the container.",
        direction="lower",
        worst="limit",
        unit="s",
    ),
    MetricDef(
        name="peak_memory_mib",
        title="Memory",
        long_title="peak memory per case",
        definition="The largest memory use of everything in the container.",
        direction="lower",
        worst="limit",
        unit="MiB",
    ),
)
