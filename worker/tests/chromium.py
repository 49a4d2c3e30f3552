"""Chromium as a second opinion on a video: it plays files to their end in a page and says what it saw.

Debian's packages `chromium-headless-shell`, which has no window to open and needs the least, and `chromium`.
"""

import http.server
import json
import queue
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
TIMEOUT_SECONDS = 120
# Asks for one video after the other, until it is told that there are no more.
_HTML = """<!doctype html><body><script>
const play = (number) => new Promise((done) => {
  const video = document.createElement("video");
  video.muted = true;
  video.onended = video.onerror = () => {
    done({
      error: video.error && `${video.error.code} ${video.error.message}`, ended: video.ended, duration: video.duration,
      width: video.videoWidth, height: video.videoHeight,
      frames: video.getVideoPlaybackQuality().totalVideoFrames, sound: video.webkitAudioDecodedByteCount});
  };
  document.body.replaceChildren(video);
  video.src = `/${number}.mp4`;
  video.play().catch(() => {});  // onerror tells
});
(async () => {
  for (let number = 0; (await fetch("/next")).status === 200; number++)
    await fetch("/played", {method: "POST", body: JSON.stringify(await play(number))});
})();
</script>"""


@dataclass(frozen=True)
class Played:
    """What the page saw of a video.

    Attributes:
        error: Code and message of a media error.
        ended: Whether it was played to its end.
        duration: Seconds; None if nothing could be read.
        width, height: Of the picture as it is shown: turned, in square pixels. 0 if none is.
        frames: Those decoded.
        sound: Bytes of decoded sound.
    """

    error: str | None
    ended: bool
    duration: float | None
    width: int
    height: int
    frames: int
    sound: int


class Page(http.server.ThreadingHTTPServer):
    """The server of a page that plays what it is given."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: queue.Queue[Path | None] = queue.Queue()
        self.played: queue.Queue[Played] = queue.Queue()
        self.playing: Path | None = None

    def play(self, file: Path) -> Played:
        """Play a file from its start to its end."""
        self.files.put(file)
        return self.played.get(timeout=TIMEOUT_SECONDS)


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Page

    def do_GET(self) -> None:
        page = self.server
        if self.path == "/":
            self._answer(200, "text/html", _HTML.encode())
        elif self.path == "/next":
            page.playing = page.files.get()
            self._answer(200 if page.playing else 204)
        elif self.path.endswith(".mp4") and page.playing:
            self._answer(200, "video/mp4", page.playing.read_bytes())
        else:
            self._answer(404)

    def do_POST(self) -> None:
        told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.played.put(Played(**told))
        self._answer(204)

    def _answer(self, status: int, kind: str = "text/plain", content: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def open_page(profile: Path) -> Iterator[Page]:
    """Start a browser with the page, and end it.

    Args:
        profile: A folder for the browser's own files.
    """
    assert CHROMIUM, f"none of {', '.join(NAMES)} is installed"
    with Page() as page:
        threading.Thread(target=page.serve_forever, daemon=True).start()
        browser = subprocess.Popen(
            [
                CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--mute-audio", "--no-first-run",
                "--disable-dev-shm-usage", "--autoplay-policy=no-user-gesture-required", f"--user-data-dir={profile}",
                f"http://127.0.0.1:{page.server_port}/",
            ],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            yield page
        finally:
            page.files.put(None)  # for the request that waits
            browser.terminate()
            browser.wait(30)
            page.shutdown()
