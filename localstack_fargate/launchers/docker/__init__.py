"""The Docker launcher: a container is a container."""
