"""CircleNet as a plugin of model-surgery: one file for each thing that it adds."""
