"""Chromium as a second opinion on a video: it plays a file to its end in a page and says what it saw.

Used where it is installed; Debian's package is `chromium`.
"""

import http.server
import json
import shutil
import subprocess
import threading
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
TIMEOUT_SECONDS = 120
_PAGE = """<!doctype html><video muted playsinline></video><script>
const video = document.querySelector("video");
const tell = () => fetch("/told", {method: "POST", body: JSON.stringify({
  error: video.error && video.error.message, ended: video.ended, duration: video.duration,
  frames: video.getVideoPlaybackQuality().totalVideoFrames,
  corrupted: video.getVideoPlaybackQuality().corruptedVideoFrames})});
video.onended = video.onerror = tell;
video.src = "/video.mp4";
video.play();
</script>"""


class _Server(http.server.ThreadingHTTPServer):
    told: dict[str, Any] | None = None

    def __init__(self, file: Path) -> None:
        self.file, self.done = file, threading.Event()
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        is_video = self.path == "/video.mp4"
        content = self.server.file.read_bytes() if is_video else _PAGE.encode()
        self.send_response(200)
        self.send_header("Content-Type", "video/mp4" if is_video else "text/html")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_POST(self) -> None:
        self.server.told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(204)
        self.end_headers()
        self.server.done.set()

    def log_message(self, *_: object) -> None:
        pass


def play(file: Path, profile: Path) -> dict[str, Any]:
    """Play a file and return what the page told: error, ended, duration, frames (those decoded), corrupted.

    Args:
        profile: A folder for the browser's own files.
    """
    assert CHROMIUM
    with _Server(file) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser = subprocess.Popen(
            [
                CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--mute-audio", "--no-first-run",
                "--disable-dev-shm-usage", "--autoplay-policy=no-user-gesture-required", f"--user-data-dir={profile}",
                f"http://127.0.0.1:{server.server_port}/",
            ],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            assert server.done.wait(TIMEOUT_SECONDS), "Chromium did not play to the end"
        finally:
            browser.terminate()
            browser.wait(30)
            server.shutdown()
    assert server.told is not None
    return server.told
