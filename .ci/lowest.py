"""The oldest versions that the metadata allow, as constraints."""

import tomllib
from pathlib import Path

project = tomllib.loads(Path("pyproject.toml").read_text("utf-8"))["project"]
extras = project["optional-dependencies"]
for line in (*project["dependencies"], *extras["parquet"], *extras["excel"]):
    print(line.replace(">=", "=="))
