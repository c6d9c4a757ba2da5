#!/bin/sh
# Roles and databases of PlanB and Temporal. The postgres image runs this once,
# when it makes the cluster; elsewhere run it as a PostgreSQL superuser with
# both passwords in the environment.
set -eu

psql -v ON_ERROR_STOP=1 -U "${POSTGRES_USER:-postgres}" -d postgres \
	-v planb="$PLANB_DB_PASSWORD" -v temporal="$TEMPORAL_DB_PASSWORD" <<'SQL'
create role planb login password :'planb';
create role temporal login password :'temporal';
create database planb owner planb;
create database temporal owner temporal;
create database temporal_visibility owner temporal;
SQL
