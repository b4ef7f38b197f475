"""Starts the network, and imports the rest while it gets ready: numpy takes as long."""

import os
import sys

from network import FastLiteMedSAM


def main() -> None:
    """Start the model, and answer every case with it."""
    model = FastLiteMedSAM()
    from answering import answer_folder

    answer_folder(model)
    # All is written: what the graphs hold need not be taken apart piece by piece.
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
