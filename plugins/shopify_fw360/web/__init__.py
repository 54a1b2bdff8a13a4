"""Pages and JSON for people, mounted into Airflow's API server below ``/sync``."""
