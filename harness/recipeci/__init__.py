"""A CI harness for Co-op Cloud recipes: does this commit install, upgrade, back up and restore, on a real swarm?"""

__version__ = "0.1.0"
