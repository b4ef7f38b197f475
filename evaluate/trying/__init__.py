"""A page on this machine on which a submission is tried: an image, prompts by hand, its answer."""
