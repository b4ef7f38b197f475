"""The files of a run directory: every table and JSON document, read and written in one place."""
