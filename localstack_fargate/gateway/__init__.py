"""What the gateway, LocalStack's one port for all of AWS, refuses to any service."""
