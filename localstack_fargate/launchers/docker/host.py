"""What all tasks of an emulator have in common."""

from concurrent.futures import Executor
from dataclasses import dataclass

from docker import APIClient

from .images import Images
from .memory_watch import MemoryWatch
from .network import TaskNetwork
from .output import OutputReader
from .ownership import Ownership
from .pause import PauseImage
from .starts import Starts


@dataclass(frozen=True)
class DockerHost:
    """The engine and what the launcher has set up there.

    Whoever starts a container does so in a turn of ``starts``; ``endings`` does what is left to do when one has ended;
    ``most_vcpus`` are the engine's if tasks have a ceiling, None if they may use CPU that nobody else wants.
    """

    docker: APIClient
    ownership: Ownership
    network: TaskNetwork
    images: Images
    pause: PauseImage
    output: OutputReader
    memory_watch: MemoryWatch
    starts: Starts
    endings: Executor
    most_vcpus: int | None
