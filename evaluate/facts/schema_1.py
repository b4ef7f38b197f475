"""Protocols of schema 1, brought to schema 2: what they said by keys is said by metric there."""

from typing import Any

__all__ = ["upgraded"]

_FURTHER = (
    *("iou", "sensitivity", "precision", "volume_difference"),
    *("hd", "hd95", "assd", "lesion_f1"),
)


def upgraded(data: dict[str, Any]) -> dict[str, Any]:
    """A protocol of schema 1 as one of schema 2; other wrong keys stay wrong there.

    Args:
        data: plain data, `schema` being 1.

    Raises:
        ValueError: a key of `failures` is none, or no share.
    """
    scoring, failures = data.get("scoring"), data.get("failures", {})
    if not isinstance(scoring, dict) or not isinstance(failures, dict) or "metrics" in scoring:
        return data
    for key, value in failures.items():
        number = isinstance(value, int | float) and 0 <= value <= 1
        if key not in ("dsc", "nsd") or not number:
            raise ValueError(f"failures.{key} = {value!r}; expected `dsc` and `nsd`, from 0 to 1")
    scoring, kept = dict(scoring), {key: data[key] for key in data if key != "failures"}
    tolerance, gate = scoring.pop("tolerance_mm", None), scoring.pop("nsd_needs_dsc_above", None)
    further, least = scoring.pop("further", []), scoring.pop("lesion_iou", None)
    script = scoring.get("labels") == "one_to_maximum"
    # The script takes the mean over all labels up to the largest: one that is nowhere has none, and
    # then the mean has none. Elsewhere a healthy case was left out, false alarms or not.
    empty = {"both": "undefined"} if script else {"both": "skip", "reference": "skip"}
    dsc = {"name": "dsc", "empty": empty | _given(failed=failures.get("dsc"))}
    nsd = {"name": "nsd", "empty": empty | _given(failed=failures.get("nsd"))}
    nsd |= _given(tolerance_mm=tolerance)
    if gate is not None:
        nsd["gate"] = {"metric": "dsc", "above": gate}
    unknown = [name for name in further if name not in _FURTHER]
    others: list[dict[str, Any]] = [
        {"name": name, "empty": {"both": "skip"} | ({} if script else {"reference": "skip"})}
        for name in (*(n for n in _FURTHER if n in further), *unknown)
    ]
    for other in others:
        if other["name"] == "lesion_f1":
            other |= _given(min_iou=least)
    scoring["metrics"] = [dsc, nsd, *others]
    return kept | {"schema": 2, "scoring": scoring}


def _given(**values: Any) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}
