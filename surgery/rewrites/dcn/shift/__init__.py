"""``dcn.shifted``: bounded offsets as a sum of shifted images."""
