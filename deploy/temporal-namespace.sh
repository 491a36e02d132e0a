#!/bin/sh
# Makes sure of the namespace in TEMPORAL_NAMESPACE, at TEMPORAL_ADDRESS, and of the search attributes that Perch's runs are found by.
# TEMPORAL_RETENTION is how long the history of an ended run is kept.
set -eu

tries=0
until temporal operator cluster health; do
    tries=$((tries + 1))
    if [ "$tries" -ge 30 ]; then
        echo "Temporal at $TEMPORAL_ADDRESS is not healthy; look at its log" >&2
        exit 1
    fi
    sleep 2
done

if ! temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1; then
    temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention "$TEMPORAL_RETENTION"
fi

# A new namespace is known everywhere after a few seconds.
tries=0
until attributes=$(temporal operator search-attribute list --namespace "$TEMPORAL_NAMESPACE"); do
    tries=$((tries + 1))
    [ "$tries" -lt 15 ] || exit 1
    sleep 2
done
for name in PerchProject PerchBranch PerchCommit PerchPhase; do
    case $attributes in
    *"$name"*) ;;
    *) temporal operator search-attribute create --namespace "$TEMPORAL_NAMESPACE" --name "$name" --type Keyword ;;
    esac
done
