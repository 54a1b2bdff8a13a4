import tests.airflow.environment  # noqa: F401 - must be settled before anything imports Airflow
