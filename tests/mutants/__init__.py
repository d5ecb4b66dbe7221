"""Mutants: the harness changed on purpose, to show that a rule's control is the rule's and nothing else's."""
