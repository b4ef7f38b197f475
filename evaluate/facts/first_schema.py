"""Protocols of schema 1, which knew one contract, said in the words of schema 2."""

from data_manifest.layouts import first_contract

__all__ = ["upgraded"]


def upgraded(data: object) -> object:
    """Plain data of a protocol, as schema 2 has them; what is of no known form stays as it is.

    Args:
        data: of a TOML file or of run.json; not changed.
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
    return rules
