"""RegisterTaskDefinition: what containers that share a network interface cannot have."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..exceptions import ClientException
from .values import first_duplicate

UNSUPPORTED = {
    "links": "Links are not supported when networkMode=awsvpc.",
    "hostname": "hostname is not supported on container when networkMode=awsvpc.",
    "dnsServers": "DNS servers are not supported on container when networkMode=awsvpc.",
    "dnsSearchDomains": "DNS search domains are not supported on container when networkMode=awsvpc.",
    "extraHosts": "Extra hosts are not supported on container when networkMode=awsvpc.",
    "disableNetworking": "Disable Networking is not supported on container when networkMode=awsvpc.",
}


def check_awsvpc(containers: Sequence[Mapping[str, Any]]) -> None:
    """Raise ``ClientException`` for network settings that the mode awsvpc does not have."""
    for container in containers:
        for key, message in UNSUPPORTED.items():
            if container.get(key):
                raise ClientException(message)
    mappings = [mapping for container in containers for mapping in container.get("portMappings") or ()]
    for mapping in mappings:
        if mapping.get("hostPort") and mapping["hostPort"] != mapping.get("containerPort"):
            raise ClientException(
                "When networkMode=awsvpc, the host ports and container ports in port mappings must match."
            )
    if first_duplicate(mapping["name"] for mapping in mappings if mapping.get("name")):
        raise ClientException("When networkMode=awsvpc, port mapping name is already used")
