"""The operator's console of the hub: figures of its own store and of the services it depends on; no person."""
