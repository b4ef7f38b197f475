"""The commands of `segjudge manifest`."""

COMMANDS = {
    "build": (
        "Make cases and a manifest of images and references, in a layout or as pairs.",
        "segjudge manifest build --layout nnunet Dataset001_Liver data",
    ),
    "verify": (
        "Find every missing, altered, surplus or malformed file of a data set.",
        "segjudge manifest verify data/manifest.json",
    ),
    "show": ("List a manifest's cases.", "segjudge manifest show data/manifest.json"),
}
