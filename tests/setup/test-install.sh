#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Installs the build below a DESTDIR and looks whether everything is where a distribution expects it, and works from
# there: test-install.sh SOURCE-ROOT BUILD-ROOT PREFIX; prints TAP.
set -u
build=$2
prefix=$3
destination=$(mktemp -d) || exit 1
trap 'rm -rf "$destination"' EXIT
mkdir -m 700 "$destination/run"
root=$destination$prefix
n=0

check() {
        title=$1
        shift
        n=$((n + 1))
        if output=$("$@" 2>&1); then
                echo "ok $n - $title"
        else
                echo "not ok $n - $title"
                printf '%s\n' "$output" | sed 's/^/#   /'
        fi
}

is() {
        stat -c '%a %n' "$root/$1"
        [ -f "$root/$1" ] && [ "$(stat -c %a "$root/$1")" = "$2" ]
}

# Every file, against the list in this script: what is not expected here has no place in a package either.
only_expected() {
        (cd "$root" && find . -type f | sed 's,^\./,,' | LC_ALL=C sort) >"$destination/found"
        LC_ALL=C sort >"$destination/expected"
        diff "$destination/expected" "$destination/found"
}

names() {
        grep -qxF "$2" "$root/$1" || {
                cat "$root/$1"
                return 1
        }
}

manual() {
        warnings=$(MANROFFSEQ='' MANWIDTH=80 LC_ALL=C.UTF-8 man --warnings -l "$root/share/man/$1" 2>&1 >"$destination/page")
        printf '%s\n' "$warnings"
        head -n 30 "$destination/page"
        [ -z "$warnings" ] && [ "$(wc -l <"$destination/page")" -gt 20 ]
}

completes() {
        # shellcheck source=/dev/null
        . "$root/share/bash-completion/completions/ipcctl" && complete -p ipcctl
}

# Activation of what was installed, by a service file that differs only in where DESTDIR has put it.
activates() {
        mkdir -p "$destination/data/dbus-1/services" || return 1
        sed "s,^Exec=,Exec=$destination," "$root/share/dbus-1/services/org.ipcbus1.service" \
                >"$destination/data/dbus-1/services/org.ipcbus1.service"
        # shellcheck disable=SC2016 # the inner shell's arguments
        env -u IPCBUS_DAEMON XDG_RUNTIME_DIR="$destination/run" XDG_DATA_DIRS="$destination/data" \
                IPCBUS_WORKER="$root/libexec/ipcbus-worker" dbus-run-session -- sh -c '
                "$1" --user kinds || exit 1
                "$1" --user create fifo "path=$2/fifo" lease=caller || exit 1
                n=0 # the lease ends a moment after its caller has left
                while [ -e "$2/fifo" ] && [ $n -lt 100 ]; do sleep 0.1; n=$((n + 1)); done
                [ ! -e "$2/fifo" ]' \
                - "$root/bin/ipcctl" "$destination"
}

unit() {
        command -v systemd-analyze >/dev/null || return 0
        # The unit names the program by its final place, which is not there yet, and needs the bus's own unit, which only
        # dbus-user-session has.
        mkdir "$destination/units" && printf '[Socket]\nListenStream=%%t/bus\n' >"$destination/units/dbus.socket" &&
                printf '[Service]\nExecStart=/bin/true\n' >"$destination/units/dbus.service" || return 1
        sed "s,^ExecStart=,ExecStart=$destination," "$root/lib/systemd/user/ipcbus.service" \
                >"$destination/units/ipcbus.service"
        XDG_RUNTIME_DIR=$destination/run systemd-analyze --user --man=no verify "$destination/units/ipcbus.service"
}

libraries=$(meson introspect --buildoptions "$build" |
        python3 -c 'import json, sys; print(next(o["value"] for o in json.load(sys.stdin) if o["name"] == "libdir"))')
check "meson install" env DESTDIR="$destination" meson install -C "$build" --no-rebuild --quiet
check "exactly these files" only_expected <<END
bin/ipcctl
include/ipcbus-ring.h
$libraries/libipcbus-ring.a
$libraries/libipcbus-ring.so.1.0.0
$libraries/pkgconfig/ipcbus-ring.pc
lib/systemd/user/ipcbus.service
libexec/ipcbus-plot
libexec/ipcbus-worker
libexec/ipcbusd
share/applications/org.ipcbus1.Watch.desktop
share/bash-completion/completions/ipcctl
$(cd "$1/interfaces" && for xml in *.xml; do echo "share/dbus-1/interfaces/$xml"; done)
share/dbus-1/services/org.ipcbus1.service
share/doc/libipcbus-ring/examples/ring-example.h
share/doc/libipcbus-ring/examples/ring-reader.c
share/doc/libipcbus-ring/examples/ring-writer.c
share/icons/hicolor/scalable/apps/org.ipcbus1.Watch.svg
share/man/man1/ipcctl.1
share/man/man3/ipcbus-ring.3
share/man/man8/ipcbusd.8
share/metainfo/org.ipcbus1.Watch.metainfo.xml
END
check "ipcctl can be executed" is bin/ipcctl 755
check "ipcbusd can be executed" is libexec/ipcbusd 755
check "ipcbus-worker can be executed" is libexec/ipcbus-worker 755
check "ipcbus-plot can be executed" is libexec/ipcbus-plot 755
check "the bus starts the installed service" names share/dbus-1/services/org.ipcbus1.service "Exec=$prefix/libexec/ipcbusd"
check "or lets systemd start it" names share/dbus-1/services/org.ipcbus1.service "SystemdService=ipcbus.service"
check "the unit names it" names lib/systemd/user/ipcbus.service "ExecStart=$prefix/libexec/ipcbusd"
check "systemd accepts the unit" unit
check "ipcctl(1) has no error" manual man1/ipcctl.1
check "ipcbusd(8) has no error" manual man8/ipcbusd.8
check "the completion loads" completes
check "ipcctl tells its version" "$root/bin/ipcctl" --version
check "activation starts it, and it works" activates
echo "1..$n"
