#!/bin/sh
# Brings the schema of Temporal's two databases up to the version of the tool.
# Run it before the server, and again before each newer one, one minor version
# at a time. The databases are there already; SQL_* say how to reach them.
set -eu

for db in temporal:temporal temporal_visibility:visibility; do
	name=${db%%:*}
	schema=${db##*:}
	# Fails only because it was done before; what else may be wrong, the next
	# command meets as well.
	temporal-sql-tool --db "$name" setup-schema -v 0.0 2>/dev/null || true
	temporal-sql-tool --db "$name" update-schema --schema-name "postgresql/v12/$schema"
done
