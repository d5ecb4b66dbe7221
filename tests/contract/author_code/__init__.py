"""Authors' code in a real cell, over one app for all of these tests."""
