# The image of docker-compose.yaml: Airflow's own, with the project's packages in the locked versions.
FROM apache/airflow:3.3.2-python3.12

COPY requirements.txt requirements-compose.txt requirements.lock /tmp/requirements/
RUN pip install --no-cache-dir -r /tmp/requirements/requirements.txt -r /tmp/requirements/requirements-compose.txt \
    -c /tmp/requirements/requirements.lock

COPY --chown=airflow:0 dags /opt/airflow/dags
COPY --chown=airflow:0 include /opt/airflow/include
COPY --chown=airflow:0 plugins /opt/airflow/plugins
COPY --chown=airflow:0 scripts /opt/airflow/scripts
COPY --chown=airflow:0 airflow_settings.yaml /opt/airflow/

ENV PYTHONPATH=/opt/airflow:/opt/airflow/plugins
