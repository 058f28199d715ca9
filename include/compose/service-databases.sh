#!/bin/bash
# Run once by the postgres container on an empty volume: a database and a role each for Airflow and Metabase.
set -eu
psql --username medimart --dbname medimart \
    --set airflow="$AIRFLOW_DB_PASSWORD" --set metabase="$METABASE_DB_PASSWORD" <<'SQL'
create role airflow login password :'airflow';
create role metabase login password :'metabase';
create database airflow owner airflow;
create database metabase owner metabase;
SQL
