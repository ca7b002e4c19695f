"""The delivery promise under faults: real workers, three real brokers, a real state store."""
