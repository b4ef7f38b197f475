"""What a case is: manifests with hashes, reading and writing cases, building them, prompts."""
