"""Names that S3 allows and that are easily mangled on the way: from the key to the event, the job, and the result."""

import unicodedata
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from e2e.faults.fault import NewFault
from videobatch.pipeline import Pipeline

MAX_KEY_BYTES = 1024  # S3's limit, in UTF-8
ACUTE = "caf\N{LATIN SMALL LETTER E WITH ACUTE}.mp4"
MANGLED = [
    unicodedata.normalize("NFC", ACUTE),
    unicodedata.normalize("NFD", ACUTE),
    "two//slashes.mp4",
    "./dot.mp4",
    "a/./dot.mp4",
    "space before the end .mp4",
    "folder /  spaces.mp4",
    "film 🎬 👩\N{ZERO WIDTH JOINER}🚀.mp4",
    "[amazon]–{3 0}–(a+d).mp4",
    "x&y=z.mp4",
    "100%25 a%2Fb.mp4",
    "?query#fragment;a=b.mp4",
    "'quoted' \"twice\" <tag> \\ back.mp4",
    "~tilde^`|,$@!*:.MP4",
]
# Without what XML cannot hold, and so no listing of S3's either.
CHARACTERS = st.characters(exclude_categories=("Cc", "Cs", "Cn", "Co"))
NAMES = st.text(CHARACTERS, max_size=30).filter(lambda name: ".." not in name).map(lambda name: f"{name}.mp4")


def test_every_key_leads_to_its_own_result(pipeline: Pipeline, new_fault: NewFault, clip: Path) -> None:
    fault = new_fault("keys that are easily mangled")
    prefix = pipeline.outputs["UploadPrefix"]
    longest = "k" * (MAX_KEY_BYTES - len(prefix) - len(".mp4")) + ".mp4"
    sent: set[str] = set()

    @settings(max_examples=3)
    @example([*MANGLED, longest])
    @given(st.lists(NAMES, min_size=3, max_size=3, unique=True))
    def send(names: list[str]) -> None:
        for name in names:
            if name not in sent:
                sent.add(name)
                fault.upload(clip, name)

    send()
    records = fault.settle(injected=len(sent))
    assert [record["state"] for record in records] == ["SUCCEEDED"] * len(sent), records
    assert len({record["job_id"] for record in records}) == len(sent)
    for upload, record in zip(fault.uploads, records, strict=True):
        assert record["source"]["key"] == prefix + upload.name
        assert record["output"]["key"] == pipeline.result_key(upload.name)
