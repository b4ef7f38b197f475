"""`make bench`: every benchmark, each beside its peers in one run, as ratios."""

from bench import scoring

if __name__ == "__main__":
    scoring.main()
