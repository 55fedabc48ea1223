#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# What ./setup does to a machine, on one whose apt, dpkg and user are played by small scripts: which packages it asks for,
# when, and what it says where it cannot. test-setup.sh SOURCE-ROOT; prints TAP.
set -u
setup=$1/setup
state=$(mktemp -d) || exit 1
trap 'rm -rf "$state"' EXIT
n=0

# A PATH with only these real programs and what is played.
mkdir "$state/real" "$state/bin"
for tool in sh awk cut grep tail mktemp rm cat env sleep dirname printf; do
        ln -s "$(command -v "$tool")" "$state/real/$tool" 2>/dev/null
done

play() {
        cat >"$state/bin/$1"
        chmod +x "$state/bin/$1"
}

# The machine: "installed", "offered" and "offered-after-update" are lists of names; "log" is what apt-get was asked.
machine() {
        rm -rf "${state:?}/bin" "$state/log" "$state/locks"
        mkdir "$state/bin"
        : >"$state/log"
        "$setup" packages | awk '{ print $1 }' >"$state/offered"
        cp "$state/offered" "$state/offered-after-update"
        cp "$state/offered" "$state/installed"
        echo 0 >"$state/locks"
        play dpkg <<END
echo amd64
END
        play dpkg-query <<END
#!/bin/sh
shift 3
status=0
for name in "\$@"; do
        if grep -qx "\$name" $state/installed; then echo "installed amd64 \$name"; else status=1; fi
done
exit \$status
END
        play apt-cache <<END
#!/bin/sh
grep -qx "\$2" $state/offered && printf '%s:\n  Installed: (none)\n  Candidate: 1.0\n' "\$2"
exit 0
END
        play apt-get <<END
#!/bin/sh
printf '%s %s\n' "\$DEBIAN_FRONTEND" "\$*" >>$state/log
read -r anything && echo "apt-get could ask" >>$state/log
locks=\$(cat $state/locks)
if [ "\$locks" -gt 0 ]; then
        echo \$((locks - 1)) >$state/locks
        echo "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 1 (apt)"
        exit 100
fi
case "\$*" in
*update*) cat $state/offered-after-update >$state/offered ;;
*install*)
        if [ -e $state/stale ]; then rm $state/stale; echo "E: Failed to fetch: 404"; exit 100; fi
        for word in "\$@"; do
                case \$word in -* | install | DPkg*) ;; *) echo "\$word" >>$state/installed ;; esac
        done ;;
esac
END
        play id <<END
echo 0
END
}

without() {
        grep -vx "$1" "$state/$2" >"$state/rest"
        mv "$state/rest" "$state/$2"
}

# Runs it; leaves $status and $output.
run() {
        status=0
        output=$(env -i PATH="$state/bin:$state/real" HOME="" IPCBUS_SETUP_PATH_AS_IS=1 IPCBUS_SETUP_LOCK_SECONDS=4 \
                "$setup" "$@" 2>&1 </dev/null) || status=$?
}

check() {
        title=$1
        shift
        n=$((n + 1))
        if "$@"; then
                echo "ok $n - $title"
        else
                echo "not ok $n - $title"
                echo "# exit status $status, and:"
                printf '%s\n' "$output" | while read -r line; do echo "#   $line"; done
                while read -r line; do echo "#   apt-get: $line"; done <"$state/log"
        fi
}

said() {
        printf '%s\n' "$output" | grep -qF -- "$1"
}

asked() {
        grep -qF -- "$1" "$state/log"
}

asked_nothing() {
        [ ! -s "$state/log" ]
}

machine
run
check "without a word it says what it can do" [ "$status" -eq 0 ]
check "and names the demonstration" said demo
run fly
check "an unknown verb is wrong usage" [ "$status" -eq 2 ]
run deps fly
check "so is an unknown stage" [ "$status" -eq 1 ]

run deps
check "nothing missing: success" [ "$status" -eq 0 ]
check "nothing missing: apt-get is not called" asked_nothing

without scdoc installed
without shellcheck installed
run deps
check "missing packages are installed" [ "$status" -eq 0 ]
check "these and no others, without a question" asked \
        'noninteractive -q -y -o DPkg::Lock::Timeout=4 install --no-install-recommends scdoc shellcheck'
check "the lists are left alone when they offer them" [ "$(grep -c update "$state/log")" -eq 0 ]
check "apt-get has nothing to read from" [ "$(grep -c ask "$state/log")" -eq 0 ]
: >"$state/log"
run deps
check "the second time does nothing" asked_nothing

without shellcheck installed
run deps build
check "a build needs no tools of the tests" asked_nothing

machine
without meson installed
: >"$state/offered"
run deps
check "no lists: they are updated, once" [ "$(grep -c update "$state/log")" -eq 1 ]
check "and then it installs" asked 'install --no-install-recommends meson'
check "with success" [ "$status" -eq 0 ]

machine
without meson installed
touch "$state/stale"
run deps
check "old lists: updated, and tried again" [ "$status-$(grep -c install "$state/log")" = 0-2 ]

machine
without scdoc installed
without scdoc offered
without scdoc offered-after-update
run deps
check "a package that apt does not offer fails" [ "$status" -eq 1 ]
check "by name" said 'apt offers no package scdoc (makes the manual pages)'
check "with what to do" said /etc/apt/sources.list
check "and nothing else is installed" [ "$(grep -c 'install' "$state/log")" -eq 0 ]

machine
without gcc installed
echo 'echo 1000' | play id
run deps
check "not root: fails" [ "$status" -eq 1 ]
check "not root: says what to type" said 'apt-get install --no-install-recommends -y gcc'
check "not root: calls nothing" asked_nothing
play sudo <<END
#!/bin/sh
[ "\$1" = -n ] || exit 1
shift
[ "\$1" = true ] || echo sudo >>$state/log
exec "\$@"
END
ln -s /bin/true "$state/real/true"
run deps
check "not root, but sudo asks for no password: it is used" [ "$status-$(grep -c sudo "$state/log")" = 0-1 ]

machine
without gcc installed
echo 1 >"$state/locks"
run deps
check "a lock is waited for" [ "$status" -eq 0 ]
check "and it says so" said 'another program is using apt'
machine
without gcc installed
echo 99 >"$state/locks"
run deps
check "but not for ever" [ "$status" -eq 1 ]
check "and apt's own words are shown" said 'It is held by process 1'

machine
rm "$state/bin/apt-get"
run deps build
check "no apt: fails" [ "$status" -eq 1 ]
check "no apt: says which libraries are needed" said 'library libsystemd >= 252'
check "no apt: says which programs are needed" said 'tool meson'

echo "1..$n"
