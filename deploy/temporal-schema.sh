#!/bin/sh
# Creates Temporal's two databases where they are missing, and brings their schema to the version of this image.
# Where to find PostgreSQL is in SQL_HOST, SQL_PORT, SQL_USER, SQL_PASSWORD and SQL_PLUGIN.
set -eu

migrate() { # DATABASE SCHEMA
    temporal-sql-tool --database "$1" create-database
    temporal-sql-tool --database "$1" setup-schema --version 0.0
    temporal-sql-tool --database "$1" update-schema --schema-name "$2"
}

migrate temporal postgresql/v12/temporal
migrate temporal_visibility postgresql/v12/visibility
