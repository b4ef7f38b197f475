"""What runs in the platforms' containers, which `segjudge export` has made.

Each module reads what its platform hands in, scores it by `segjudge.score_folder`, and writes what
the platform wants. What stops it is one line on the error stream, and a non-zero exit code.
"""
