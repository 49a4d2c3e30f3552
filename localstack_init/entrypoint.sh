#!/bin/sh
# Start LocalStack as an ordinary user. A container that is started as root first gives this user the group that may
# talk to Docker: only now is it known which one that is on this machine.
set -eu
socket=/var/run/docker.sock

if [ "$(id -u)" = 0 ]; then
    groups=10001
    if [ -S "$socket" ]; then groups=$groups,$(stat -c %g "$socket"); fi
    exec setpriv --reuid 10001 --regid 10001 --groups "$groups" --no-new-privs "$0"
fi

# A container that is started again has a new account: the emulator keeps nothing but files that it no longer knows.
rm -rf /tmp/localstack* /tmp/lambda
export HOME=/var/lib/localstack
exec python -m localstack.runtime.main
