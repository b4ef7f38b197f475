"""A challenge as other platforms take it: Codabench, Grand Challenge, MedPerf.

What runs there is `segjudge.platforms`, in an image with segjudge as it is installed here.
"""
