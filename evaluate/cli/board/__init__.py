"""The commands of `segjudge board`."""

COMMANDS = {
    "init": ("Write a new challenge's folder.", "segjudge board init my-challenge"),
    "take": (
        "Take what is new in the inbox, run, score, rank and publish it.",
        "segjudge board take my-challenge --watch",
    ),
    "publish": ("Write the site anew.", "segjudge board publish my-challenge"),
}
