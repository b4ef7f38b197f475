"""The kinds of prompts, one module a kind."""
