"""Framework360: client, wire names, reading and writing of its records."""
