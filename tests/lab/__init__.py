"""The lab: images and recipe repositories made on the spot, for tests, the demo and the benchmark."""
