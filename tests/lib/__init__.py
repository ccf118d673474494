"""What the integration tests share: real brokers, Kafka's own client and tools, the binary."""
