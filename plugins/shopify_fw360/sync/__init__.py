"""The sync core: extract, stage, transform, match, merge, plan, apply. Imports no scheduler."""
