"""How far apart two runs are, how accurate one is, and how long it takes."""
