#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Asks the completion for bash what it offers. usage: test-completion.bash COMPLETION
set -u
. "$1" || exit 1

# The manager's answers.
bulwarkctl() {
        case "$*" in
        *list-unit-files*) printf '/etc/bulwark/units/web.container enabled\n/run/bulwark/units/db@.container disabled\n' ;;
        *"--runtime-directory=/other"*list*) printf 'elsewhere loaded active running\n' ;;
        *show*) printf 'Id=web\nActiveState=active\nActiveEnterTimestamp=\n' ;;
        *list*) printf 'web loaded active running Web server\n' ;;
        esac
}

n=0
failed=0
check() { # EXPECTED WORD...
        local expected=$1 got
        COMP_WORDS=(bulwarkctl "${@:2}")
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        _bulwarkctl 2>/dev/null
        got="${COMPREPLY[*]-}"
        n=$((n + 1))
        if [ "$got" = "$expected" ]; then
                echo "ok $n - bulwarkctl ${*:2}"
        else
                echo "not ok $n - bulwarkctl ${*:2}"
                echo "# got \"$got\", expected \"$expected\""
                failed=1
        fi
}

check "status start stop" st
check "list list-jobs list-dependencies list-unit-files" lis
check "daemon-reload daemon-reexec" dae
check "web db@" start ""
check "web" stop ""
check "web" start w
check "--wait" start --wa
check "--no-pager --no-legend --no-block" start --no-
check "--no-pager --no-legend" list --no-
check "table wide json json-pretty" list -o ""
check "json json-pretty" list --output = js
check "table wide json json-pretty" list --output =
check "leader all" kill --kill-whom ""
check "SIGTERM" kill -s SIGTE
check "SIGXCPU SIGXFSZ" kill -s SIGX
check "" kill -s DEBUG
check "" kill -s E
check "ActiveState ActiveEnterTimestamp" show -p Act
check "err" logs -p er
check "ActiveState ActiveEnterTimestamp" show web --property = Act
check "web db@" set-property ""
check "TimeoutAbortSec=" set-property web TimeoutAb
check "" set-property web Nothing
check "web" --runtime-directory /x -q exec -u me ""
check "elsewhere" --runtime-directory = /other stop ""
check "" exec web l
check "" exec web --no
check "" daemon-reload ""
check "--unit-path" plan --unit
check "policy" pol
check "show diff export install remove" policy ""
check "show" policy sh
check "--output-directory" policy export --output
check "" policy install ""
check "import inspect" image i
check "--dry-run" image prune --d
check "" start --nothing-like-it
echo "1..$n"
exit $failed
