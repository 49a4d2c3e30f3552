"""The program that keeps a task's network while its containers come and go, in an image of 300 bytes made here.

Several containers of a task have one network namespace, so that they find each other at localhost. It belongs to a
container that does nothing and needs no image from elsewhere: its program is put together from machine code.

With a number as its argument, the program kills the group of processes of that number instead. That ends a command
that was run in a container and takes too long: the engine can start such a command, but not end it.
"""

import io
import struct
import tarfile
import threading

from docker import APIClient
from docker.errors import APIError

from .ownership import Ownership

PROGRAM = "/pause"

# The same program twice: if argv[1] is there, exit(-kill(-atoi(argv[1]), SIGKILL)); else for (;;) pause();
X86_64 = bytes.fromhex(
    "488b742410 4885f6 742d 31ff"  # mov 16(%rsp),%rsi; test %rsi,%rsi; jz pause; xor %edi,%edi
    "0fb606 83e830 780a 6bff0a 01c7 48ffc6 ebee"  # digit: edi = 10 * edi + *rsi++ - '0', until a byte is below '0'
    "f7df be09000000 b83e000000 0f05 f7d8 89c7 b83c000000 0f05"  # neg %edi; SIGKILL; kill (62); exit (60)
    "b822000000 0f05 ebf7"  # pause: pause (34), again and again
)
AARCH64 = bytes.fromhex(
    "e10b40f9 e10100b4 00008052 43018052"  # ldr x1,[sp,#16]; cbz x1,pause; mov w0,#0; mov w3,#10
    "22144038 42c00071 64000054 0008031b fcffff17"  # digit: w0 = 10 * w0 + *x1++ - '0', until a byte is below '0'
    "e003004b 21018052 28108052 010000d4 e003004b a80b8052 010000d4"  # neg w0,w0; SIGKILL; kill (129); exit (93)
    "000080d2 010080d2 020080d2 030080d2 28098052 010000d4 faffff17"  # pause: ppoll(0, 0, 0, 0) (73), again and again
)
MACHINES = {"x86_64": (62, X86_64), "aarch64": (183, AARCH64)}  # the engine's name: ELF's number, machine code


def elf(machine: int, code: bytes) -> bytes:
    """A static executable with one segment, which is the whole file.

    https://man7.org/linux/man-pages/man5/elf.5.html
    """
    base, headers = 0x400000, 64 + 56
    identification = b"\x7fELF" + bytes([2, 1, 1]) + bytes(9)  # 64 bits, little-endian
    header = struct.pack("<HHIQQQIHHHHHH", 2, machine, 1, base + headers, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    size = headers + len(code)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, base, base, size, size, 0x1000)  # readable and executable
    return identification + header + segment + code


class PauseImage:
    """The image, made when it is first needed, and again should somebody have removed it."""

    def __init__(self, docker: APIClient, ownership: Ownership) -> None:
        self._docker = docker
        self._ownership = ownership
        self._id: str | None = None
        self._lock = threading.Lock()

    def id(self) -> str:
        """The image's id; raises ``docker.errors.APIError``."""
        with self._lock:
            if self._id is None or not self._is_there(self._id):
                self._id = self._make()
            return self._id

    def _is_there(self, image: str) -> bool:
        try:
            self._docker.inspect_image(image)
        except APIError:
            return False
        return True

    def _make(self) -> str:
        program = elf(*MACHINES[self._docker.info()["Architecture"]])
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            member = tarfile.TarInfo(PROGRAM.lstrip("/"))
            member.size, member.mode = len(program), 0o755
            tar.addfile(member, io.BytesIO(program))
        labels = [f'LABEL "{key}"="{value}"' for key, value in self._ownership.labels.items()]
        answer = self._docker.import_image_from_data(archive.getvalue(), changes=[*labels, f'ENTRYPOINT ["{PROGRAM}"]'])
        return f"sha256:{answer.partition('sha256:')[2][:64]}"
