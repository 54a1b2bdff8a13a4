"""Runs what docker-compose.yaml describes without a Docker engine, and measures it."""
