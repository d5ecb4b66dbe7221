"""From a comment to a verdict (DESIGN §10): `serve` knows the forge and no Docker, `work` Docker and no forge."""
