"""What the gateway, LocalStack's one port for all of AWS, refuses before a service has it."""
