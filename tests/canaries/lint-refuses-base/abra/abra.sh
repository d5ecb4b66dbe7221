# The base has no configs, so there are no versions of them to export.
