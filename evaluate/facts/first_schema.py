"""Protocols of schema 1, which knew one contract, said in the words of schema 2."""

__all__ = ["upgraded"]


def upgraded(data: object) -> object:
    """Plain data of a protocol, as schema 2 has them; what is of no known form stays as it is.

    Args:
        data: of a TOML file or of run.json; not changed.
    """
    if not isinstance(data, dict) or data.get("schema") != 1:
        return data
    rules = {**data, "schema": 2}
    if isinstance(rules.get("container"), dict):
        container = dict(rules["container"])
        form = container.pop("output_format", "npz")
        key = container.pop("output_key", "segs")
        rules["container"] = container
        rules["output"] = {"path": f"{{case}}.{form}", "format": form}
        if form == "npz":
            rules["output"]["key"] = key
    rules["input"] = {"files": [{"role": "image", "path": "{case}.npz", "format": "npz"}]}
    return rules
