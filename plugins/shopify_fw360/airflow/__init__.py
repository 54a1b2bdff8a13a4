"""Everything that knows Airflow: connections, hooks, tasks, DAGs."""
