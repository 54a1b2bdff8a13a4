"""The local runtime: PostgreSQL, both sandboxes and Airflow on this machine, bound to loopback."""
