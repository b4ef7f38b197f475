"""Protocols of schema 1, which knew one contract, said in the words of schema 2."""

from typing import Any

from data_manifest.layouts import first_contract

_FURTHER = (
    *("iou", "sensitivity", "precision", "volume_difference"),
    *("hd", "hd95", "assd", "lesion_f1"),
)


def upgraded(data: object) -> object:
    """Plain data of a protocol, as schema 2 has them; what is of no known form stays as it is.

    What is given is not changed.

    Raises:
        ValueError: a key of `failures` is none, or no share.
    """
    if not isinstance(data, dict) or data.get("schema") != 1:
        return data
    rules = {**data, "schema": 2}
    said = rules.get("container")
    container = dict(said) if isinstance(said, dict) else {}
    rules["input"], rules["output"] = first_contract(
        container.pop("output_format", None), container.pop("output_key", None)
    )
    if isinstance(said, dict):
        rules["container"] = container
    if isinstance(rules.get("scoring"), dict):
        rules["scoring"] = _scoring(rules["scoring"], rules.pop("failures", {}))
    return rules


def _scoring(scoring: dict[str, Any], failures: object) -> dict[str, Any]:
    """DSC, NSD and the further metrics, each with its rules."""
    if "metrics" in scoring or not isinstance(failures, dict):
        return scoring
    for key, value in failures.items():
        number = isinstance(value, int | float) and 0 <= value <= 1
        if key not in ("dsc", "nsd") or not number:
            raise ValueError(f"failures.{key} = {value!r}; expected `dsc` and `nsd`, from 0 to 1")
    scoring = dict(scoring)
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
    return scoring | {"metrics": [dsc, nsd, *others]}


def _given(**values: Any) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}
