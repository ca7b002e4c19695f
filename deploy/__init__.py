"""What deploys Seawall: container image, compose file, Helm chart, topics and access lists."""
