#!/usr/bin/env bash
# Schedules that find their own rate, beside classic methods and tuned ones. Reports: runs/stochastic-*/report.html
#   run.sh            the validation tasks, as often as one likes
#   run.sh held-out   the held-out tasks: final tables only, when nothing is left to be chosen
#   run.sh NAME ...   these recipes
set -euo pipefail
cd "$(dirname "$0")/../.."
cargo build --release --bin qstride
qstride="${CARGO_TARGET_DIR:-target}/release/qstride"
case "${*:-validation}" in
  validation) names=(validation starts-validation unknown-horizon-validation horizons batches sizes) ;;
  held-out) names=(held-out starts-held-out unknown-horizon-held-out) ;;
  *) names=("$@") ;;
esac
for name in "${names[@]}"; do
  "$qstride" compare --recipe "experiments/stochastic/$name.json" --out "runs/stochastic-$name" --force
done
