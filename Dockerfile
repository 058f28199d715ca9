# MediMart on Airflow: the same code, SQL and lock file as `make run`.
FROM python:3.11-slim-bookworm

RUN useradd --create-home --uid 50000 airflow
WORKDIR /opt/medimart
ENV PYTHONUNBUFFERED=1 \
    AIRFLOW_HOME=/opt/airflow \
    AIRFLOW__CORE__DAGS_FOLDER=/opt/medimart/dags \
    AIRFLOW__CORE__PLUGINS_FOLDER=/opt/medimart/plugins \
    AIRFLOW__CORE__LOAD_EXAMPLES=false \
    MEDIMART_HOME=/opt/airflow/medimart \
    GX_ANALYTICS_ENABLED=false

COPY requirements-deployment.txt ./
RUN pip install --no-cache-dir --require-hashes -r requirements-deployment.txt

COPY pyproject.toml README.md ./
COPY include ./include
COPY sql ./sql
COPY legacy ./legacy
COPY data/reference ./data/reference
COPY data/publication ./data/publication
COPY dags ./dags
COPY plugins ./plugins
RUN pip install --no-cache-dir --no-deps --no-build-isolation --editable . \
    && mkdir -p /opt/airflow/medimart /data/landing \
    && chown -R airflow /opt/airflow

USER airflow
EXPOSE 8080
CMD ["airflow", "version"]
