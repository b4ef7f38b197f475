"""The metrics themselves: each module defines some in `DEFINITIONS`, and the registry finds it.

A new metric is a new module here, and nothing else.
"""
