#!/usr/bin/env bash
# Give a Debian machine what the containers and tests here need. See: scripts/setup-debian.sh --help
set -euo pipefail

suite=trixie
base_image=debian:trixie-slim
mirror=${DEBIAN_MIRROR:-}
engine_log=/var/log/dockerd.log
aws_home=/opt/aws-cli

usage() {
    cat <<TEXT
Usage: scripts/setup-debian.sh [--pid-file FILE]

Gives a bare Debian 12 machine, as root, what docker-compose.yml and the tests need; does only what is still to do:

  engine      docker.io; started if none answers (it runs on after this script; its log is $engine_log)
  compose v2  and buildx: from Debian $suite, pinned so that nothing else comes from there
  strace      with which the tests see what the engine's process does
  Chromium    in which they play results
  registry    docker-registry, which they push images to as to ECR; it is not started
  AWS CLI     for scripts/deploy-aws.sh: from Debian $suite, with all its libraries in $aws_home
  base image  $base_image: pulled, or made by debootstrap where no registry answers; the copy made here trusts
              the certificate authorities of this machine

  --pid-file FILE  write the engine's process id to FILE if this run had to start it as a plain process

DEBIAN_MIRROR names another mirror than the one that this machine has its own Debian from.
TEXT
}

say() { echo "setup-debian.sh: $*" >&2; }
fail() { say "$*"; exit 1; }

find_mirror() {
    [ -z "$mirror" ] || return 0
    local release
    # shellcheck source=/dev/null
    release=$(. /etc/os-release && echo "$VERSION_CODENAME")
    # shellcheck disable=SC2016 # apt-get fills these in
    mirror=$(apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
        awk -v release="$release" '$1 == release && $2 == "main" && !found { print $3; found = 1 }')
    [ -n "$mirror" ] || fail "apt knows no mirror of Debian $release; name one with DEBIAN_MIRROR"
}

install_packages() {
    local missing=()
    command -v dockerd >/dev/null || missing+=(docker.io)
    docker compose version >/dev/null 2>&1 || missing+=("docker-compose/$suite")
    docker buildx version >/dev/null 2>&1 || missing+=("docker-buildx/$suite")
    command -v strace >/dev/null || missing+=(strace)
    command -v chromium-headless-shell chromium >/dev/null || missing+=(chromium-headless-shell)
    command -v docker-registry >/dev/null || missing+=(docker-registry)
    [ ${#missing[@]} -gt 0 ] || return 0
    say "installing ${missing[*]}"
    add_suite
    apt-get update -qq >&2
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${missing[@]}" >&2
    if [[ " ${missing[*]} " == *" docker-registry "* && -d /run/systemd/system ]]; then
        systemctl disable --quiet --now docker-registry
    fi
}

# Debian 12's knows neither AWS_ENDPOINT_URL nor all that the scripts say, and $suite's wants $suite's Python: it lies in
# a folder of its own, beside the libraries that it was made with.
provide_aws_cli() {
    local packages loader python
    [ ! -x $aws_home/bin/aws ] || return 0
    say "installing the AWS CLI in $aws_home"
    add_suite
    packages=$(mktemp -d)
    mkdir "$packages/partial"
    touch "$packages/installed" # nothing counts as there already
    apt-get update -qq >&2
    apt-get install -qq -y --download-only --no-install-recommends -t "$suite" -o Dir::Cache::archives="$packages" \
        -o Dir::State::status="$packages/installed" -o APT::Sandbox::User=root awscli >&2
    rm -rf $aws_home
    for package in "$packages"/*.deb; do dpkg-deb -x "$package" $aws_home; done
    rm -r "$packages"
    loader=$(find $aws_home/usr/lib64 $aws_home/usr/lib -name 'ld-linux-*' -print -quit 2>/dev/null)
    python="$loader --library-path $aws_home/usr/lib/$(uname -m)-linux-gnu $aws_home/usr/bin/python3"
    # shellcheck disable=SC2086 # words
    env -u PYTHONDONTWRITEBYTECODE PYTHONHOME=$aws_home/usr $python -m compileall -q $aws_home/usr/lib/python3* >&2
    mkdir $aws_home/bin
    cat >$aws_home/bin/aws.new <<TEXT
#!/bin/sh
export PYTHONHOME=$aws_home/usr
exec $python $aws_home/usr/bin/aws "\$@"
TEXT
    chmod +x $aws_home/bin/aws.new
    mv $aws_home/bin/aws.new $aws_home/bin/aws # now it is whole
    ln -sf $aws_home/bin/aws /usr/local/bin/aws
}

# Debian 12 has compose v1 and no buildx.
add_suite() {
    # shellcheck source=/dev/null
    [ "$(. /etc/os-release && echo "$VERSION_CODENAME")" != "$suite" ] || return 0
    find_mirror
    cat >/etc/apt/preferences.d/docker-from-$suite <<TEXT
Package: *
Pin: release n=$suite
Pin-Priority: 100
TEXT
    cat >/etc/apt/sources.list.d/docker-from-$suite.sources <<TEXT
Types: deb
URIs: $mirror
Suites: $suite
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
TEXT
}

engine_answers() { docker version >/dev/null 2>&1; }

start_engine() {
    engine_answers && return
    if [ -d /run/systemd/system ]; then
        systemctl start docker
    else
        say "starting dockerd"
        setsid dockerd >>"$engine_log" 2>&1 </dev/null &
        [ -z "$pid_file" ] || echo $! >"$pid_file"
    fi
    for _ in $(seq 300); do
        engine_answers && return
        sleep 0.2
    done
    tail -n 20 "$engine_log" >&2 || true
    fail "the Docker engine does not answer after a minute; the end of its log is above"
}

provide_base_image() {
    docker image inspect "$base_image" >/dev/null 2>&1 && return
    timeout 300 docker pull -q "$base_image" >&2 && return
    say "no registry gave $base_image: making it with debootstrap"
    if ! command -v debootstrap >/dev/null; then
        apt-get update -qq >&2
        DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends debootstrap >&2
    fi
    find_mirror
    root=$(mktemp -d)
    trap 'rm -rf "$root"' EXIT
    debootstrap --variant=minbase --include=ca-certificates "$suite" "$root" "$mirror" >"$root.log" 2>&1 ||
        fail "debootstrap failed: $(tail -n 5 "$root.log")"
    rm "$root.log"
    make_slim "$root"
    trust_as_this_machine "$root"
    tar -C "$root" -c . | docker import --change 'CMD ["bash"]' - "$base_image" >/dev/null
}

# As Debian's own slim image: neither documentation nor translations, now and in what is installed later.
make_slim() {
    local unwanted=(/usr/share/{doc,info,lintian,linda,locale,man,groff,bash-completion})
    for path in "${unwanted[@]}"; do
        echo "path-exclude $path/*"
        find "$1$path" -mindepth 1 ! -name copyright ! -type d -delete 2>/dev/null || true
        find "$1$path" -mindepth 1 -type d -empty -delete 2>/dev/null || true
    done >"$1/etc/dpkg/dpkg.cfg.d/slim"
    echo "path-include /usr/share/doc/*/copyright" >>"$1/etc/dpkg/dpkg.cfg.d/slim"
    cat >"$1/etc/apt/apt.conf.d/slim" <<'TEXT'
Acquire::Languages "none";
Acquire::GzipIndexes "true";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
APT::Keep-Downloaded-Packages "false";
DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb || true"; };
TEXT
    echo "deb $mirror $suite main" >"$1/etc/apt/sources.list"
    rm -rf "$1"/var/cache/apt/* "$1"/var/lib/apt/lists/* "$1"/var/cache/debconf/*-old "$1"/var/lib/dpkg/*-old \
        "$1"/var/log/* "$1"/etc/hostname "$1"/etc/resolv.conf "$1"/etc/machine-id
    touch "$1/etc/machine-id"
}

# What this machine reaches through a proxy or mirror with an authority of its own, a build inside of it reaches too.
trust_as_this_machine() {
    local bundle=/etc/ssl/certs/ca-certificates.crt
    [ -f "$bundle" ] || return 0
    awk -v folder="$1/usr/local/share/ca-certificates" '
        /BEGIN CERTIFICATE/ { certificate = "" }
        { certificate = certificate $0 "\n" }
        /END CERTIFICATE/ {
            if (NR == FNR) known[certificate] = 1
            else if (!known[certificate]) print certificate >(folder "/this-machine-" ++count ".crt")
        }' "$1$bundle" "$bundle"
    chroot "$1" update-ca-certificates >/dev/null 2>&1
}

pid_file=
case "${1:-}" in
'') ;;
-h | --help) usage; exit 0 ;;
--pid-file) pid_file=${2:?setup-debian.sh: --pid-file needs a file name} ;;
*) usage >&2; exit 2 ;;
esac
[ "$(id -u)" = 0 ] || fail "run it as root"
[ -f /etc/debian_version ] || fail "this is no Debian; install Docker with compose v2 and buildx in your system's way"

install_packages
provide_aws_cli
start_engine
provide_base_image
say "ready: $(docker version --format 'engine {{.Server.Version}}'), $(docker compose version), $base_image $(
    docker image inspect --format '{{.Size}}' "$base_image" | numfmt --to=si
)B"
