#!/bin/sh
# Stands for `docker compose`: what runs in the exporter's container runs here, with $DATA for /data.
set -eu
export CAPGO_DATA_DIR="$DATA"
echo "$*" >>"$SAID"
shift
case $1 in
    exec) shift 3 ;; # exec -T exporter
    run)
        shift 4 # run --rm -T --no-deps
        program=$PROGRAM
        if [ "$1" = --entrypoint ]; then program=$2 && shift 2; fi
        shift # exporter
        set -- "$program" "$@"
        ;;
    cp) set -- cp "$2" "$3" ;;
    *) exit 0 ;;
esac
for word; do
    shift
    set -- "$@" "$(echo "$word" | sed -e 's/^exporter://' -e "s|/data\b|$DATA|g")"
done
exec "$@"
