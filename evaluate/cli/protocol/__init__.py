"""The commands of `segjudge protocol`."""

COMMANDS = {
    "list": ("List the built-in protocols.", "segjudge protocol list"),
    "show": (
        "Print a protocol's file, traps and all, as TOML.",
        "segjudge protocol show cvpr24 > mine.toml",
    ),
    "check": (
        "Check a protocol's file, and explain what it says in sentences.",
        "segjudge protocol check mine.toml",
    ),
}
