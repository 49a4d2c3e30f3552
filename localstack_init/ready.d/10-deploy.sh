#!/usr/bin/env bash
# LocalStack runs this once it answers. It may be reached through a symbolic link, hence readlink.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
exec python3 -m localstack_init.deploy
