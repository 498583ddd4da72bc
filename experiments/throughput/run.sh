#!/usr/bin/env bash
# Training speed and memory on the peer task, on one thread.
set -euo pipefail
cd "$(dirname "$0")/../.."
cargo build --release --bin qstride
qstride="${CARGO_TARGET_DIR:-target}/release/qstride"
for device in flex ndarray; do
  "$qstride" bench train --device "$device"
done
