"""Shards under Patroni and etcd on loopback, and what a killed primary costs (docs/scaling.md)."""
