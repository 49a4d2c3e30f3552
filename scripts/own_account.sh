# shellcheck shell=bash
# Sourced: gives a script an emulated account of its own, which ends with the script, however that ends.
: "${root:?must be the folder of the repository}"
"$root/scripts/setup.sh" local

EMULATOR_HOME=$(mktemp -d)
export EMULATOR_HOME

# In the background, because bash acts on a signal only when a command in the foreground has ended. There a command
# does not hear Ctrl-C: it is always clean_up that ends it, with SIGTERM.
run_in_account() {
    "$@" &
    wait $!
}

clean_up() {
    trap '' INT TERM HUP # a second Ctrl-C must not stop the cleaning
    for job in $(jobs -p); do kill "$job" 2>/dev/null || true; done
    wait || true
    "$root/scripts/emulator.sh" down 2>/dev/null || true
    rm -rf "$EMULATOR_HOME"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP
