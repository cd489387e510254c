#!/bin/sh
# What `make demo` shows: two extracts go into the emulator, and rows of what arrived come out of its lake.
# Run from the project's root with scn-loader on the PATH.
set -eu

rm -rf .demo
mkdir -p .demo
say() { printf '\n$ %s\n' "$*"; }

say scn-loader emulator --port 0 --lake .demo/lake.sqlite --rate 1500
scn-loader emulator --port 0 --lake .demo/lake.sqlite --rate 1500 >.demo/emulator.txt &
emulator=$!
trap 'kill $emulator 2>/dev/null || true' EXIT
while ! grep -q AWS_SECRET .demo/emulator.txt; do
    kill -0 $emulator
    sleep 0.1
done
cat .demo/emulator.txt

# Its keys open nothing but the emulator.
eval "export $(grep AWS_ACCESS_KEY_ID .demo/emulator.txt)"
export AWS_ENDPOINT_URL_SUPPLYCHAIN="$(sed -n 's/^The emulator listens on //p' .demo/emulator.txt)"
export AWS_REGION=us-east-1 SCN_LOADER_INSTANCE_ID=8928ae12-15e5-4441-825d-ec2184f0a43a
unset AWS_PROFILE AWS_SESSION_TOKEN

say scn-loader load --job sample_data/scms_inbound_order_lines.toml --run-dir .demo/orders
scn-loader load --job sample_data/scms_inbound_order_lines.toml --run-dir .demo/orders

say scn-loader load sample_data/inventory_levels.parquet --event-type scn.data.inventorylevel --run-dir .demo/inventory
scn-loader load sample_data/inventory_levels.parquet --event-type scn.data.inventorylevel --run-dir .demo/inventory

say "What is in the lake (.demo/lake.sqlite, any SQLite tool opens it)"
kill $emulator
wait $emulator 2>/dev/null || true
python sample_data/show_lake.py .demo/lake.sqlite
