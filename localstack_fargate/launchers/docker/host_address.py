"""An address for a network interface of this machine, without the program ``ip``, which may not be installed.

https://man7.org/linux/man-pages/man7/rtnetlink.7.html
"""

import os
import socket
import struct

RTM_NEWADDR = 20
NLM_F_REQUEST = 0x1
NLM_F_ACK = 0x4
NLM_F_CREATE = 0x400
NLM_F_REPLACE = 0x100
IFA_ADDRESS = 1
IFA_LOCAL = 2

MESSAGE = struct.Struct("=IHHII")  # length, type, flags, sequence number, port
ADDRESS_MESSAGE = struct.Struct("=BBBBI")  # family, bits of the prefix, flags, scope, interface
ATTRIBUTE = struct.Struct("=HH")  # length, type
ERROR = struct.Struct("=i")


def add_address(interface: str, address: str) -> None:
    """Give an interface an IPv4 address (/32: no route comes with it); raises ``OSError``."""
    packed = socket.inet_aton(address)
    body = ADDRESS_MESSAGE.pack(socket.AF_INET, 32, 0, 0, socket.if_nametoindex(interface))
    for kind in (IFA_LOCAL, IFA_ADDRESS):
        body += ATTRIBUTE.pack(ATTRIBUTE.size + len(packed), kind) + packed
    flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as kernel:
        kernel.send(MESSAGE.pack(MESSAGE.size + len(body), RTM_NEWADDR, flags, 1, 0) + body)
        (code,) = ERROR.unpack_from(kernel.recv(4096), MESSAGE.size)
    if code:
        raise OSError(-code, os.strerror(-code))
