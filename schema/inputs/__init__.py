"""What mutations take, and the service's request that each one is."""
