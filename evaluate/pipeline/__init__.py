"""The stages, wired: each function is one command's work and leaves its run directory whole.

Nothing is imported here: a command loads what it needs, and no other command's libraries.
"""
