#!/bin/bash
# Stands in for a program of a guide's session, under its name: writes down how it was called, for the test to check, and does
# as much of its work as the session goes on from.
set -e
name=${0#"$PROGRAMS"/}

note() {
    local call
    printf -v call '\x1f%s' "$name" "$@"
    printf '%s\x1e' "$call" >>"$CALLS"
}

# The real program, on less data where it makes data up; of brokers that are not there, only the words are read.
segmill() {
    local word previous= words=()
    for word; do
        case $1$previous in
        generate--users) word=$((word < 400 ? word : 400)) ;;
        generate--items) word=$((word < 150 ? word : 150)) ;;
        generate--ratings-per-user) word=$((word < 20 ? word : 20)) ;;
        esac
        words+=("$word")
        previous=$word
    done
    case $* in
    *kafka:* | *postgres://*) note "$@" ;;
    *) exec "$REAL_SEGMILL" "${words[@]}" ;;
    esac
}

case $name in
segmill)
    segmill "$@"
    ;;
cargo)
    note "$@"
    if [ "$1" = run ]; then
        while [ "$1" != -- ]; do shift; done
        segmill "${@:2}"
    fi
    ;;
curl)
    note "$@"
    last=${!#}
    touch "${last##*/}"
    ;;
unzip)
    note "$@"
    cp -r "$STORED/${1%.zip}" .
    ;;
ssh)
    note "$@"
    exec sh -c "${!#}"
    ;;
kubectl)
    case $* in
    */dev/stdin*) note "$@" "$(cat)" ;;
    *) note "$@" ;;
    esac
    ;;
openssl)
    [ "$*" = "rand -hex 32" ]
    od -An -v -tx1 -N32 /dev/urandom | tr -d ' \n'
    ;;
*)
    note "$@"
    ;;
esac
