#!/bin/sh
# Fuzz every entry point in turn: run.sh FOLDER SECONDS, FOLDER holding the fuzz_pp_* programs that
# Clang built. Inputs come from the corpus beside this file, new ones and findings go to FOLDER.
# Prints executions for each target and in all; exits 1 where one was stopped by a finding.
folder=$1
seconds=$2
corpus=$(dirname "$0")/corpus
failed=0
targets=0
total=0
for entry in "$corpus"/*; do
    name=$(basename "$entry")
    mkdir -p "$folder/new/$name"
    "$folder/fuzz_$name" -max_total_time="$seconds" -timeout=30 -rss_limit_mb=2048 \
        -print_final_stats=1 -artifact_prefix="$folder/found_${name}_" \
        "$folder/new/$name" "$entry" > "$folder/$name.log" 2>&1
    status=$?
    if grep -q '^replayed ' "$folder/$name.log"; then
        echo "skipped: the fuzz targets were built without libFuzzer (Debian: libclang-rt-dev)"
        exit $status
    fi
    executions=$(sed -n 's/stat::number_of_executed_units: *//p' "$folder/$name.log")
    echo "$name: ${executions:-0} executions, exit $status"
    targets=$((targets + 1))
    total=$((total + ${executions:-0}))
    if [ $status -ne 0 ]; then
        failed=$((failed + 1))
        grep -E 'ERROR|runtime error|SUMMARY|Test unit' "$folder/$name.log"
    fi
done
echo "$targets targets, $total executions, stopped by a finding: $failed"
[ $failed -eq 0 ]
