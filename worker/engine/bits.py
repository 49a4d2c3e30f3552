"""Parameter sets of H.264 and HEVC, bit by bit: Rec. ITU-T H.264 and H.265, 7.2 and 9.1 or 9.2.

What ends too early is a ValueError.
"""


class Bits:
    """The payload of a parameter set: what comes after the header of its NAL unit."""

    def __init__(self, payload: bytes) -> None:
        payload = payload.replace(b"\0\0\3", b"\0\0")  # emulation prevention
        self.text = "".join(f"{byte:08b}" for byte in payload)
        self.position = 0

    def u(self, bits: int) -> int:
        """Return an unsigned number of so many bits."""
        start, self.position = self.position, self.position + bits
        if self.position > len(self.text):
            raise ValueError("a parameter set ends too early")
        return int(self.text[start : self.position], 2) if bits else 0

    def ue(self) -> int:
        """Return an unsigned Exp-Golomb number."""
        zeros = 0
        while not self.u(1):
            zeros += 1
            if zeros > 32:
                raise ValueError("a number of a parameter set is too large")
        return (1 << zeros) - 1 + self.u(zeros)

    def se(self) -> int:
        """Return a signed one."""
        number = self.ue()
        return (number + 1) // 2 if number % 2 else -(number // 2)
