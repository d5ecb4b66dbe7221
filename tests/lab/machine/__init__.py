"""An operator's machine: the folders, users and units of one, over those of the machine that tests, which sees none."""
