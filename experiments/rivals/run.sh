#!/usr/bin/env bash
# Every classic method, without any policy, on three sets of problems. Reports: runs/rivals-*/report.html
set -euo pipefail
cd "$(dirname "$0")/../.."
cargo build --release --bin qstride
qstride="${CARGO_TARGET_DIR:-target}/release/qstride"
for set in peer200 validation digits; do
  "$qstride" compare --recipe "experiments/rivals/$set.json" --out "runs/rivals-$set" --force
done
