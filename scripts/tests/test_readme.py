"""The README says what the code does."""

import json
import re

from scripts.readme import README, with_generated_parts
from worker.watermark import ImageOverlay, for_image, validate


def test_the_generated_parts_are_up_to_date() -> None:
    text = README.read_text()
    assert with_generated_parts(text) == text, "run: python -m scripts.readme"


def test_every_error_of_the_state_machine_is_explained() -> None:
    template = (README.parent / "infra" / "template.yaml").read_text()
    codes = set(re.findall(r"^ +code: ([A-Z_]+)$", template, re.MULTILINE))
    assert len(codes) > 3
    assert {code for code in codes if f"`{code}`" not in README.read_text()} == set()


def test_every_setting_of_a_watermark_is_there_with_its_default() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (?:`(.+?)`|–) \| .+ \|$", README.read_text(), re.MULTILINE)
    written = {name: json.loads(default) for name, default in rows if default}
    assert {name for name, _ in rows} == set(ImageOverlay.model_fields)
    bare = validate(for_image("a.png"), "a.png")
    described = validate({"overlays": [{"image": "a.png", **written}]}, "a.json")
    assert set(written) == {name for name, field in ImageOverlay.model_fields.items() if not field.is_required()}
    assert described == bare


def test_every_file_that_is_named_exists() -> None:
    named = re.findall(r"\]\((?!http)([^)#]+)\)", README.read_text())
    named += re.findall(r"`((?:scripts|infra|docs)/[\w./-]+)`", README.read_text())
    missing = {name for name in named if not (README.parent / name).exists()}
    assert missing == {"scripts/deploy-aws.sh"}  # which the README says does not exist
