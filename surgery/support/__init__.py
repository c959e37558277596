"""What every layer uses: ledger, child processes, scratch files, progress, versions."""
