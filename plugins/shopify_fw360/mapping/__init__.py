"""The mapping language: what a field of one system becomes in the other, written in YAML, run over columns."""
