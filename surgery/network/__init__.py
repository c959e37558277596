"""A network in torch: the contract of model plugins, loading and running one, its pictures."""
