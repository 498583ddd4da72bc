#!/usr/bin/env bash
# The scripted rule on tasks that its constants were not searched on. Table: runs/rule/table.txt
#   run.sh search momentum|adam    searches for constants: runs/rule/study-*
set -euo pipefail
cd "$(dirname "$0")/../.."
cargo build --release -p qstride-control --example rule_score
mkdir -p runs/rule
if [ "${1:-}" = search ]; then
  cargo build --release --bin qstride
  export QSTRIDE_STORAGE="${QSTRIDE_STORAGE:-sqlite:///runs/rule/study.db}"
  exec "${CARGO_TARGET_DIR:-target}/release/qstride" study run "experiments/rule/${2:?momentum or adam}.json"
fi
for optimizer in momentum adam; do
  for horizon in "" unknown-horizon; do
    echo "$optimizer $horizon"
    # shellcheck disable=SC2086 # none is no argument
    "${CARGO_TARGET_DIR:-target}/release/examples/rule_score" "$optimizer" 1,2,3,4,digits,small-batches,plateau:900,memorizing:900 $horizon
  done
done | tee runs/rule/table.txt
