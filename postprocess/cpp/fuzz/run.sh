#!/bin/sh
# Fuzz every entry point in turn: run.sh FOLDER SECONDS, FOLDER holding the fuzz_pp_* programs that
# Clang built. Inputs come from the corpus beside this file, new ones and findings go to FOLDER.
# Prints executions for each target; exits 1 where one was stopped by a finding.
folder=$1
seconds=$2
corpus=$(dirname "$0")/corpus
failed=0
for entry in "$corpus"/*; do
    name=$(basename "$entry")
    mkdir -p "$folder/new/$name"
    "$folder/fuzz_$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
        -print_final_stats=1 -artifact_prefix="$folder/found_${name}_" \
        "$folder/new/$name" "$entry" > "$folder/$name.log" 2>&1
    status=$?
    executions=$(sed -n 's/stat::number_of_executed_units: *//p' "$folder/$name.log")
    echo "$name: ${executions:-0} executions, exit $status"
    if [ $status -ne 0 ]; then
        failed=1
        grep -E 'ERROR|runtime error|SUMMARY|Test unit' "$folder/$name.log"
    fi
done
exit $failed
